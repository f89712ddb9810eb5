"""Real bugs: what is laid out, and what the engine must not see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reknit.bench import corpus, envs, trees
from reknit.bench.case import run_case
from reknit.config import Options
from reknit.errors import CannotJudgeError, UsageError
from reknit.model.outcome import Report

from .reports import patch, proposed, report

pytestmark = pytest.mark.needs_tool("git")

BROKEN, RIGHT = "def f():\n    return 1\n", "def f():\n    return 2\n"
TEST = "from lib import f\n\ndef test_f():\n    assert f() == 2\n\ndef test_old():\n    assert 0\n"
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def commit(clone: Path, files: dict[str, str | None]) -> str:
    for name, text in files.items():
        (clone / name).parent.mkdir(exist_ok=True, parents=True)
        (clone / name).unlink() if text is None else (clone / name).write_text(text)
    for command in (("add", "-A"), (*AUTHOR, "commit", "-q", "-m", "m")):
        subprocess.run(["git", *command], cwd=clone, check=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def bug(tmp_path: Path) -> corpus.RealBug:
    clone = tmp_path / "clones" / "me+lib"
    clone.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=clone, check=True)
    marks = "tests export-ignore\n"
    before = commit(clone, {"src/lib.py": BROKEN, "tests/test_lib.py": "", "tests/old.py": "", ".gitattributes": marks})
    fix = commit(clone, {"src/lib.py": RIGHT, "tests/test_lib.py": TEST, "tests/old.py": None, "CHANGES": "fixed"})
    return corpus.RealBug(
        id="lib-1",
        repo="me/lib",
        parent_commit=before,
        fix_commit=fix,
        src_files=("src/lib.py",),
        python="3.11",
        src_root="src",
        deps=("pytest==8",),
        test_files=("tests/test_lib.py", "tests/old.py"),
        test_modules=("tests/test_lib.py",),
        failing_tests=("tests/test_lib.py::test_f",),
        known_failing_both=("tests/test_lib.py::test_old",),
        pytest_opts=("-q", "-p", "no:cacheprovider"),
    )


@pytest.fixture
def environments(tmp_path: Path, bug: corpus.RealBug) -> Path:
    """An environment that is the one which runs this test."""
    python = envs.interpreter(tmp_path / "envs" / bug.env)
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path / "envs"


def test_the_engine_sees_the_parent_and_the_new_tests_only(
    tmp_path: Path, bug: corpus.RealBug, environments: Path
) -> None:
    (case,) = corpus.corpus_cases([bug], tmp_path / "clones", environments, Options(project=tmp_path, max_cpu=30))

    def heal(options: Options) -> Report:
        shown = {p.relative_to(options.project).as_posix() for p in options.project.rglob("*") if p.is_file()}
        assert shown == {"src/lib.py", "tests/test_lib.py", "tests/old.py", ".gitattributes"}
        assert (options.project / "tests/test_lib.py").read_text() == TEST
        assert options.pytest_args[-2:] == ("--deselect=tests/test_lib.py::test_old", "tests/test_lib.py")
        assert (options.env["PYTHONPATH"], options.whole_suite) == (str(options.project / "src"), False)
        told = repr(options)
        assert bug.fix_commit not in told
        assert "src/lib.py" not in told
        broken = (options.project / "src/lib.py").read_bytes()
        assert broken == BROKEN.encode()
        at = broken.index(b"1")
        return report({bug.failing_tests[0]: proposed(patch("src/lib.py", broken, at, at + 1, b"2"))})

    row = run_case(case, heal=heal)
    assert (row.outcome, row.exact, row.why) == ("plausible", True, "")


def test_facts_are_checked(tmp_path: Path, bug: corpus.RealBug, environments: Path) -> None:
    assert corpus.check_bug(bug, tmp_path / "clones", environments) == "usable"


def test_facts_that_do_not_hold_are_told(tmp_path: Path, bug: corpus.RealBug, environments: Path) -> None:
    from dataclasses import replace

    other = replace(bug, failing_tests=("tests/test_lib.py::test_g",))
    assert corpus.check_bug(other, tmp_path / "clones", environments).startswith("at the parent fail")
    known = replace(bug, known_failing_both=())
    assert corpus.check_bug(known, tmp_path / "clones", environments).startswith("fails at the fix")


def test_a_missing_clone_or_environment_is_a_row(tmp_path: Path, bug: corpus.RealBug, environments: Path) -> None:
    (no_clone,) = corpus.corpus_cases([bug], tmp_path, environments, Options(project=tmp_path))
    (no_env,) = corpus.corpus_cases([bug], tmp_path / "clones", tmp_path, Options(project=tmp_path))
    rows = [run_case(case, heal=lambda options: report({})) for case in (no_clone, no_env)]
    assert [r.outcome for r in rows] == ["unjudged", "unjudged"]
    assert [r.why.partition(":")[0] for r in rows] == ["bench-clone", "bench-environment"]


def test_a_commit_that_the_clone_lacks_is_told(tmp_path: Path, bug: corpus.RealBug) -> None:
    with pytest.raises(CannotJudgeError, match="read-tree"):
        trees.export(tmp_path / "clones" / "me+lib", "1" * 40, tmp_path / "to")


def test_cases_are_read_and_chosen(tmp_path: Path, bug: corpus.RealBug) -> None:
    from reknit.model import codec

    facts = codec.dump(corpus.RealBug, bug) | {"test_seconds": 1.5}
    (tmp_path / "c.jsonl").write_text(json.dumps(facts) + "\n" + json.dumps(facts | {"id": "lib-2"}) + "\n")
    assert corpus.read_bugs(tmp_path / "c.jsonl")[0] == bug
    assert [b.id for b in corpus.read_bugs(tmp_path / "c.jsonl", ["lib-2"])] == ["lib-2"]
    with pytest.raises(UsageError, match="lib-3"):
        corpus.read_bugs(tmp_path / "c.jsonl", ["lib-3"])


def test_the_projects_own_release_keeps_its_metadata_only(tmp_path: Path) -> None:
    for name in ("my_lib-1.0.dist-info/METADATA", "lib/__init__.py", "lib/fix.py", "_lib_version.py", "other.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    record = "lib/__init__.py,sha256=x,0\nlib/fix.py,,\n_lib_version.py,,\nmy_lib-1.0.dist-info/METADATA,,\nmy_lib-1.0.dist-info/RECORD,,\n"
    (tmp_path / "my_lib-1.0.dist-info/RECORD").write_text(record)
    assert len(envs.strip_modules(tmp_path, "My.Lib==1.0")) == 2
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"my_lib-1.0.dist-info/METADATA", "my_lib-1.0.dist-info/RECORD", "_lib_version.py", "other.py"}


def test_equal_pins_share_an_environment_unless_another_project_is_hidden() -> None:
    one = envs.env_key(["a==1", "b==2"], python="3.11", own=["A_b"])
    assert one == envs.env_key(["b==2", "a==1"], python="3.11", own=["a-b"])
    assert one != envs.env_key(["b==2", "a==1"], python="3.11", own=["c"])
    assert one != envs.env_key(["b==2", "a==1"], python="3.12", own=["a-b"])


def test_an_environment_is_made_for_the_right_python_only(tmp_path: Path, bug: corpus.RealBug) -> None:
    from dataclasses import replace

    with pytest.raises(UsageError, match=r"needs Python 2\.7"):
        corpus.build_envs([replace(bug, python="2.7")], tmp_path, base=Path(sys.executable), done=lambda name: None)


def test_the_users_clone_is_only_read(tmp_path: Path, bug: corpus.RealBug) -> None:
    clone = tmp_path / "clones" / "me+lib"
    before = {p: p.read_bytes() for p in clone.rglob("*") if p.is_file()}
    corpus.lay_out_bug(bug, clone, tmp_path / "to")
    assert (tmp_path / "to" / "tests" / "test_lib.py").read_text() == TEST
    assert {p: p.read_bytes() for p in clone.rglob("*") if p.is_file()} == before
