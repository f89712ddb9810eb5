"""Small projects in a temporary folder, and a runner for them without isolation."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reknit.runner import interpreter
from reknit.runner.base import SuiteRun, Swap, Trial
from reknit.runner.environments import Interpreter
from reknit.runner.pytest import PytestRunner
from reknit.sandbox.base import Job, Level, Sandbox
from reknit.sandbox.process import LaunchedJob
from reknit.sandbox.unconfined import Unconfined


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """No isolation, and every job works on a copy of the project."""

    scratch: Path
    level: Level = Level.NONE

    def start(self, job: Job) -> LaunchedJob:
        view = replace(job.view, files={**job.view.files, "copied.txt": b""})
        return Unconfined(scratch=self.scratch).start(replace(job, view=view))


def project(folder: Path, files: Mapping[str, str]) -> Path:
    """A project with these files, texts dedented; its root."""
    root = (folder / "project").resolve()
    root.mkdir(parents=True)
    (folder / "scratch").mkdir()
    for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def runner(
    root: Path,
    *arguments: str,
    python: Path | None = None,
    sandbox: Sandbox | None = None,
    env: Mapping[str, str] | None = None,
) -> PytestRunner:
    """Runs the project's tests with this interpreter's pytest, without the plugins installed beside it."""
    extra = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if env is None else env
    return PytestRunner(
        sandbox or Unconfined(scratch=root.parent / "scratch"),
        root=root,
        python=Interpreter(python=python or Path(sys.executable), origin="the test's own"),
        env=interpreter.variables_for_tests(
            {"PATH": os.environ.get("PATH", os.defpath)}, extra, python or Path(sys.executable)
        ),
        arguments=arguments,
    )


def suite(
    project_tests: PytestRunner, *, hang_seconds: float = 5.0, seconds: float = 120.0, **options: Any
) -> SuiteRun:
    """A run of the suite, of `seconds` at most."""
    return project_tests.suite(deadline=time.monotonic() + seconds, hang_seconds=hang_seconds, **options)


def trial(
    root: Path,
    path: str,
    old: str,
    new: str,
    *,
    must: Sequence[str],
    function: Sequence[str] | None = None,
    keep: Sequence[str] = (),
) -> Trial:
    """`path` with `old` replaced by `new`; `function` is ("Class", …, "name") where a swap shall be tried."""
    text = (root / path).read_text()
    assert old in text
    changed = text.replace(old, new)
    swap = None
    if function is not None:
        *classes, name = function
        lines, before = changed.splitlines(keepends=True), text.splitlines(keepends=True)
        first = next(
            i for i, line in enumerate(before) if line.strip().startswith((f"def {name}(", f"async def {name}("))
        )
        indent = len(before[first]) - len(before[first].lstrip())
        last = first + 1
        while last < len(lines) and (not lines[last].strip() or lines[last].startswith(" " * (indent + 1))):
            last += 1
        swap = Swap(line=first + 1, name=name, classes=tuple(classes), snippet="".join(lines[first:last]))
    return Trial(path=path, content=changed.encode(), swap=swap, must=tuple(must), keep=tuple(keep))
