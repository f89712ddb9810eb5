"""What one run works with: its runner, its budget, and what it tells."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from reknit import sandbox
from reknit.apply.tree import read
from reknit.clock import Meter
from reknit.config import Options
from reknit.errors import JournalError, UsageError
from reknit.events import Observer, Progress
from reknit.model.patch import Entry
from reknit.model.signal import PastSignal
from reknit.runner import interpreter
from reknit.runner.base import Runner
from reknit.runner.pytest import PytestRunner
from reknit.sandbox.base import Level


@dataclass(slots=True, kw_only=True)
class Kit:
    """The tools of one run, and what it has used."""

    options: Options
    root: Path
    runner: Runner
    observe: Observer
    started: dt.datetime
    meter: Meter
    history: Callable[[str], tuple[PastSignal, ...]]
    candidates: int = 0

    def tell(self, stage: str, text: str, tried: int | None = None) -> None:
        """Progress of a stage."""
        self.observe(Progress(stage=stage, text=text, tried=tried))

    def legible(self, paths: Iterable[str]) -> dict[str, Entry]:
        """Those of the project's files that can be read and could be written.

        What lies behind a linked folder or outside is left alone.
        """
        found: dict[str, Entry] = {}
        for path in paths:
            with contextlib.suppress(JournalError, UsageError):
                found |= read(self.root, [path])
        return found


def kit(options: Options, root: Path, observe: Observer, history: Callable[[str], tuple[PastSignal, ...]]) -> Kit:
    """The tools for a project, its interpreter found and asked, the isolation tried out."""
    runner = PytestRunner(
        sandbox.find(level(options.isolation)),
        root=root,
        python=interpreter.find(root, options.python, os.environ),
        env=interpreter.environment(os.environ, options.env),
        arguments=options.pytest_args,
    )
    return Kit(
        options=options,
        root=root,
        runner=runner,
        observe=observe,
        started=dt.datetime.now(dt.UTC),
        meter=Meter(max_time=options.max_time, max_cpu=options.max_cpu),
        history=history,
    )


def level(name: str | None) -> Level | None:
    """The isolation of that name; None is the best that works. `UsageError` where there is none of the name."""
    if name is None or name in set(Level):
        return Level(name) if name else None
    known = ", ".join(Level)
    raise UsageError(f"there is no isolation {name!r}; nothing was run", slug="option", hint=f"choose one of {known}")
