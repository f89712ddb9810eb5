"""The pytest runner: the project's own pytest, in its own interpreter, inside the sandbox."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reknit.errors import CannotJudgeError
from reknit.probe.protocol import Message
from reknit.runner.base import Facts, SuiteRun
from reknit.runner.environments import Interpreter
from reknit.runner.exposure import opened
from reknit.runner.ladder import Pool
from reknit.runner.remedy import broken, unusable
from reknit.runner.session import Place, Session, printed, texts, untrusted
from reknit.runner.suite import facts, run_suite, told
from reknit.runner.zygote import Plan
from reknit.sandbox.base import Limits, Sandbox

_FOREIGN = (".venv", "venv", "env", ".tox", ".nox", "node_modules", "build", "dist", ".eggs")
_FACTS_SECONDS = 30.0
#: Files that are looked at after a run.
_SEALED = 10_000
#: Tests that take no longer together, seconds, may be traced by means that make them many times slower.
_QUICK = 0.05
_PLUGINS = """
import json
from importlib.metadata import distributions
wanted = [d for d in distributions() if any(e.group == "pytest11" for e in d.entry_points)]
print(json.dumps(sorted({"%s %s" % (d.metadata["Name"], d.version) for d in wanted})))
"""


class PytestRunner:
    """Runs one project's tests with pytest."""

    def __init__(
        self, sandbox: Sandbox, *, root: Path, python: Interpreter, env: Mapping[str, str], arguments: Sequence[str]
    ) -> None:
        self._arguments = tuple(arguments)
        #: What the tests of the last untraced run took.
        self._seconds = math.inf
        shown = opened(python, root, pythonpath=env.get("PYTHONPATH", ""))
        place = Place(sandbox=sandbox, python=python, root=root, env=dict(env), readable=shown, limits=Limits())
        self.facts = _find_facts(place)
        if error := unusable(python, root, python=self.facts.python, pytest=self.facts.packages.get("pytest")):
            raise error
        self._place = place

    def _order(self, arguments: Sequence[str]) -> Message:
        root = self._place.root
        inside = [Path(p).relative_to(root) for p in self.facts.prefixes if Path(p).is_relative_to(root)]
        return {"args": list(arguments), "excluded": [*_FOREIGN, *(str(p) for p in inside if p != Path())]}

    def suite(
        self,
        *,
        files: Mapping[str, bytes | None] | None = None,
        tests: Sequence[str] | None = None,
        whole: bool = False,
        trace: bool = False,
        deadline: float,
        hang_seconds: float,
        hash_seed: int = 0,
        sealed: Sequence[str] = (),
    ) -> SuiteRun:
        """Run the suite in a clean process, with `files` in place of the user's.

        `whole` leaves out the user's pytest arguments, so that the project's own configuration selects.
        """
        place = replace(self._place, env={**self._place.env, "PYTHONHASHSEED": str(hash_seed)})
        order = self._order(() if whole else self._arguments)
        order |= {"trace": trace, "witness": not trace, "hang_seconds": hang_seconds}
        order |= {"quick": self._seconds < _QUICK}
        run = self._heard(
            run_suite(place, order, files=files or {}, tests=tests, deadline=deadline, sealed=self._files(sealed))
        )
        if not trace:
            self._seconds = _seconds(run)
        return run

    def _files(self, sealed: Sequence[str]) -> list[str]:
        """The sealed files one by one, as many as can be looked at."""
        found = dict.fromkeys(path for path in sealed if not path.endswith("/"))
        for folder in (path for path in sealed if path.endswith("/")):
            for name, folders, files in os.walk(self._place.root / folder):
                folders[:] = sorted(f for f in folders if f != "__pycache__" and f not in _FOREIGN)
                inside = Path(name).relative_to(self._place.root)
                found |= dict.fromkeys((inside / file).as_posix() for file in sorted(files))
                if len(found) > _SEALED:
                    break
        return list(found)[:_SEALED]

    @staticmethod
    def _heard(run: SuiteRun) -> SuiteRun:
        """The run, if pytest came to any test."""
        empty = run.status is not None and not run.tests and not run.collect_errors
        if empty and (run.status or not run.collected):
            raise _infrastructure(run)
        return run

    def collect(self, *, deadline: float) -> SuiteRun:
        """What pytest finds, with the lines that run meanwhile; no test is run."""
        seconds = max(0.0, deadline - time.monotonic())
        order = self._order((*self._arguments, "--collect-only")) | {"trace": True, "hang_seconds": seconds}
        return self._heard(run_suite(self._place, order, files={}, tests=None, deadline=deadline))

    def plugins(self) -> tuple[str, ...]:
        """The distributions whose plug-ins pytest loads by itself, with their versions."""
        said = printed(self._place, _PLUGINS, _FACTS_SECONDS).strip().rpartition("\n")[2]
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(said)
            return texts(found)
        return ()

    def trials(self, *, tests: Sequence[str], baseline: SuiteRun, jobs: int, fuel: int | None, deadline: float) -> Pool:
        """Workers that have collected `tests`, which are all that trials may name; none works on after `deadline`."""
        plan = Plan(
            place=self._place,
            order=self._order(self._arguments),
            tests=tuple(tests),
            baseline=baseline,
            fuel=fuel,
            deadline=deadline,
        )
        return Pool(plan, jobs)


def _seconds(run: SuiteRun) -> float:
    """What its tests took; of a run that tells too little, without end."""
    known = run.tests and not any(r.failure and r.failure.hung for r in run.tests.values())
    return sum(r.seconds for r in run.tests.values()) if known else math.inf


def _find_facts(place: Place) -> Facts:
    with Session(place, {"mode": "facts"}) as session:
        try:
            message = session.receive(time.monotonic() + _FACTS_SECONDS)
        except TimeoutError:
            raise broken(place.python, f"it gave no answer in {_FACTS_SECONDS:.0f} s") from None
        if message is None:
            raise _why_silent(place) or session.broken("asked for its version")
        with untrusted():
            return facts(message, (session.root, place.root))


def _why_silent(place: Place) -> CannotJudgeError | None:
    """Why an interpreter gives no facts, where it is not one for the probe, or none that starts at all."""
    said = printed(place, "import sys; print('python %d.%d.%d' % sys.version_info[:3])", _FACTS_SECONDS)
    version = said.rpartition("python ")[2].strip() if "python " in said else ""
    if not version[:1].isdigit():
        return broken(place.python, said)
    return unusable(place.python, place.root, python=version, pytest=None)


def _infrastructure(run: SuiteRun) -> CannotJudgeError:
    if run.status in {0, 5}:  # 0: asked for its version, say, or a plug-in finds that nothing is fine
        return CannotJudgeError(
            "pytest found no tests, so nothing can be judged; nothing was changed",
            slug="no-tests",
            hint="give the tests after --, such as `reknit heal -- tests/test_a.py`",
        )
    return CannotJudgeError(
        f"pytest came to no test (status {run.status}); nothing was changed\n{told(run.output)}",
        slug="pytest-usage",
        hint="run `python -m pytest` with the same arguments by hand",
    )
