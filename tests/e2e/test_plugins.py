"""Pytest's plug-ins, the real ones: what each changes of a run, reknit follows; alone, and with all others beside it."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reknit.runner.base import Attempt, SuiteRun
from reknit.runner.pytest import PytestRunner
from tests import projects
from tests.e2e.machine import make
from tests.e2e.plugin_frameworks import CASES, INI, TOGETHER
from tests.e2e.plugin_projects import PLUGINS, Case

pytestmark = pytest.mark.skipif(
    not PLUGINS.is_dir(),
    reason="needs pytest's plug-ins in plugins of our environment; scripts/setup.sh puts them there",
)
PYTHON = str(PLUGINS / "bin" / "python")


def write(folder: Path, files: Mapping[str, bytes], ini: str) -> Path:
    root = folder.resolve() / "project"
    (folder / "scratch").mkdir(parents=True)
    for name, content in {**files, "pytest.ini": f"[pytest]\n{ini}\n".encode()}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def runner(root: Path, plugin: str | None, *arguments: str) -> PytestRunner:
    """With this plug-in alone, or with all of them."""
    alone = () if plugin is None else ("-p", plugin)
    env = {} if plugin is None else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return projects.runner(root, *alone, *arguments, python=Path(PYTHON), env=env)


def check_steps(root: Path, tests: PytestRunner, cases: list[Case]) -> list[Attempt]:
    """Candidates are judged where they should, with the results of a clean process; three for each case."""
    run = projects.suite(tests)
    assert (set(run.bad), run.not_run) == ({test for case in cases for test in case.bad}, ())
    trials, wanted = [], []
    for case in cases:
        good = [t for t in run.collected if t not in run.bad and t.startswith(case.test_file)]
        assert len(good) + len(case.bad) == case.total
        mended = projects.trial(
            root, case.path, case.wrong, case.right, must=case.bad, keep=good, function=case.function
        )
        same = projects.trial(root, case.path, case.wrong, f"{case.wrong} ", must=case.bad, function=case.function)
        trials += [same, mended, replace(mended, swap=None)]
        step = "collected" if case.no_direct else "direct"
        wanted += [(step, False, ""), (step, True, ""), ("fresh", True, "")]
    with tests.trials(tests=run.collected, baseline=run, jobs=1, fuel=None, deadline=math.inf) as pool:
        attempts = [a for _, a in pool.run(iter(trials))]
    assert pool.steps_down == tuple(f"direct: {case.no_direct}" for case in cases if case.no_direct)
    assert [(a.step, a.passed, a.why) for a in attempts] == wanted
    clean = projects.suite(tests, files={t.path: t.content for t in trials[1::3]})
    assert (clean.bad, clean.not_run) == ((), ())
    assert [(r.test, r.outcome) for a in attempts if a.passed for r in a.results] == [
        (r.test, clean.tests[r.test].outcome) for a in attempts if a.passed for r in a.results
    ]
    assert not (root / ".hypothesis" / "examples").exists()
    assert not (root / ".coverage").exists()
    return attempts


@pytest.mark.parametrize("name", [n for n in CASES if n not in {*TOGETHER["most"], "hypothesis"}])
def test_the_step_at_which_candidates_are_judged(name: str, tmp_path: Path) -> None:
    """Alone, and as the project configures it."""
    case = CASES[name]
    root = write(tmp_path, case.broken, case.ini)
    check_steps(root, runner(root, case.plugin), [case])


def together(names: Iterable[str]) -> tuple[dict[str, bytes], list[Case]]:
    cases = [CASES[name] for name in names]
    return {name: content for case in cases for name, content in case.broken.items()}, cases


def test_the_step_with_all_plugins_beside_each_other(tmp_path: Path) -> None:
    """One that no test uses keeps none from the fastest step: here pytest-timeout and pytest-rerunfailures."""
    files, cases = together((*TOGETHER["most"], "hypothesis"))
    root = write(tmp_path, files, "DJANGO_SETTINGS_MODULE = site_settings")
    attempts = check_steps(root, runner(root, None), cases)
    # Of a candidate of the last, Hypothesis' first example that fails is enough: the smallest takes 221.
    assert attempts[-3].ticks < 100


@pytest.mark.parametrize("group", TOGETHER)
def test_mistakes_are_healed_with_all_plugins_at_work(group: str, tmp_path: Path) -> None:
    """Run side by side, again on failure, with a limit of time, measured, and with seeds."""
    files, cases = together(TOGETHER[group])
    ini = INI.format(settings="site_settings" if "site_settings.py" in files else "").encode()
    project = make(tmp_path, {**files, "pytest.ini": b"[pytest]\n" + ini}, VIRTUAL_ENV=str(PLUGINS))
    before = project.fingerprint()
    done = project.heal(seconds=160)
    assert done.status == 3, done.out + done.err
    for case in cases:
        assert re.search(rf"^proposed  {re.escape(case.bad[0])}", done.out, re.MULTILINE), done.out
        line = next(text for text in case.files[case.path].decode().splitlines() if case.right in text)
        assert f"\n--- a/{case.path}\n" in done.out
        assert f"\n+{line}\n" in done.out, done.out
    assert "direct: pytest_rerunfailures has a pytest_runtest_protocol hook" in done.out
    assert project.fingerprint() == before


def failure(run: SuiteRun, test: str) -> str:
    seen = run.tests[test].failure
    assert seen is not None
    return seen.message


DRAWN = {
    "test_a.py": b"import random\n\n\ndef test_z():\n    value = random.random()\n    assert value < 0\n"
    b"def test_b(): pass\ndef test_a(): pass\n",
    "test_0.py": b"def test_late(): pass\ndef test_early(): pass\n",
}
IN_ORDER = [
    "test_0.py::test_late",
    "test_0.py::test_early",
    "test_a.py::test_z",
    "test_a.py::test_b",
    "test_a.py::test_a",
]


def test_randomly_draws_and_orders_alike_in_every_run(tmp_path: Path) -> None:
    """Another seed comes with another order of sets."""
    root = write(tmp_path, DRAWN, "")
    tests = runner(root, "randomly")
    first, again, other = (projects.suite(tests, hash_seed=seed) for seed in (0, 0, 1))
    assert [*first.collected] == [*other.collected] == IN_ORDER
    assert failure(first, "test_a.py::test_z") == failure(again, "test_a.py::test_z")
    assert failure(first, "test_a.py::test_z") != failure(other, "test_a.py::test_z")


def test_the_seed_that_the_user_gave_to_randomly_decides(tmp_path: Path) -> None:
    root = write(tmp_path, DRAWN, "addopts = --randomly-seed=1")
    command = [PYTHON, "-m", "pytest", "-p", "randomly", "-p", "no:cacheprovider", "-v", "--tb=line"]
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=120)
    run = projects.suite(runner(root, "randomly"))
    assert [*run.collected] == re.findall(r"^(\S+) (?:PASSED|FAILED)", done.stdout, re.MULTILINE) != IN_ORDER
    assert failure(run, "test_a.py::test_z") in done.stdout


RARE = b"def squared(n):\n    return n if n * n == 1000000 else n * n\n"
RARE_TESTS = b"""\
from hypothesis import given, settings, strategies as st
from rare import squared


@given(st.integers(0))
@settings(derandomize=False)
def test_squared(n):
    assert squared(n) == n * n
"""
#: With this bug, the example of the other one ends in the user's database; hardly any other run finds it.
COMMON = RARE.replace(b"n * n == 1000000", b"n >= 1000")


def test_what_hypothesis_remembers_is_asked_and_never_changed(tmp_path: Path) -> None:
    """A candidate that mends the example does not make it forgotten for the next one."""
    root = write(tmp_path, {"rare.py": COMMON, "test_rare.py": RARE_TESTS}, "")
    command = [PYTHON, "-m", "pytest", "-p", "hypothesispytest", "-p", "no:cacheprovider", "-q"]
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, cwd=root, env=env, capture_output=True, check=False, timeout=120)
    kept = sorted((root / ".hypothesis" / "examples").rglob("*"))
    assert kept
    (root / "rare.py").write_bytes(RARE)
    tests = runner(root, "hypothesispytest")
    run = projects.suite(tests)
    assert len(run.bad) == 1
    right, wrong = (
        projects.trial(root, "rare.py", "return n if", f"return {value} if", must=run.bad, function=("squared",))
        for value in ("n * n", "n + 1")
    )
    with tests.trials(tests=run.collected, baseline=run, jobs=1, fuel=None, deadline=math.inf) as pool:
        attempts = [a for _, a in pool.run(iter([right, wrong, replace(right, swap=None), replace(wrong, swap=None)]))]
    assert [a.passed for a in attempts] == [True, False, True, False]
    assert sorted((root / ".hypothesis" / "examples").rglob("*")) == kept


SHOWS_DRAWN = b"""\
from hypothesis import given, settings, strategies as st

drawn = []


@given(st.integers(0, 10**9))
@settings(max_examples=5)
def test_draws(n):
    drawn.append(n)


def test_shows():
    assert drawn == []
"""


def test_hypothesis_draws_alike_in_every_run(tmp_path: Path) -> None:
    """Another seed comes with another order of sets."""
    tests = runner(write(tmp_path, {"test_a.py": SHOWS_DRAWN}, ""), "hypothesispytest")
    first, again, other = (failure(projects.suite(tests, hash_seed=s), "test_a.py::test_shows") for s in (0, 0, 1))
    assert first == again != other


def test_what_does_not_end_is_not_tried_again(tmp_path: Path) -> None:
    """By the second time the limit of pytest-timeout is over."""
    case = CASES["timeout-signal"]
    root = write(tmp_path, case.broken, f"{case.ini}\naddopts = --reruns 1 -p rerunfailures")
    (run,) = (r for r in projects.suite(runner(root, case.plugin)).tests.values() if r.bad)
    assert run.failure is not None
    assert (run.failure.type, run.failure.hung) == ("Failed", True)
