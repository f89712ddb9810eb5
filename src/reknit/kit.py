"""What one run works with: its runner, its budget, and what it tells."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reknit import __version__, sandbox
from reknit.apply.tree import read
from reknit.auditing import SILENT, Audit
from reknit.clock import Meter
from reknit.config import Options
from reknit.errors import JournalError, StoreError, UsageError
from reknit.events import Observer, Progress
from reknit.footprint import footprint
from reknit.memory import Memory, Tried
from reknit.model.outcome import Outcome
from reknit.model.patch import Entry
from reknit.model.signal import PastSignal
from reknit.runner import interpreter
from reknit.runner.base import Runner
from reknit.runner.pytest import PytestRunner
from reknit.sandbox.base import Level, Sandbox
from reknit.sandbox.find import survey
from reknit.store.db import Store


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
    memory: Memory
    audit: Audit = SILENT
    candidates: int = 0
    #: Candidates by the step of the ladder that has judged them.
    steps: Mapping[str, int] = field(default_factory=dict)
    #: How signals have ended so far, for a run that is cut short.
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    #: What was rejected in this run, by the tests of a fault.
    tried: dict[tuple[str, ...], Tried] = field(default_factory=dict)
    #: What is to be said of the tools themselves.
    notes: tuple[str, ...] = ()

    def tell(self, stage: str, text: str, tried: int | None = None) -> None:
        """Progress of a stage."""
        self.observe(Progress(stage=stage, text=text, tried=tried))

    def within(self, spent: Callable[[float], bool]) -> Callable[[float], bool]:
        """`spent`, or that the run has tried as many candidates as it may; those under way then are tried."""
        most = self.options.max_candidates
        return spent if most is None else lambda cpu: self.candidates >= most or spent(cpu)

    def legible(self, paths: Iterable[str]) -> dict[str, Entry]:
        """Those of the project's files that can be read and could be written.

        What lies behind a linked folder or outside is left alone.
        """
        return legible(self.root, paths)


def legible(root: Path, paths: Iterable[str]) -> dict[str, Entry]:
    """The files of a tree that can be read; see `Kit.legible`."""
    found: dict[str, Entry] = {}
    for path in paths:
        with contextlib.suppress(JournalError, UsageError):
            found |= read(root, [path])
    return found


def memory(store: Store, root: Path, *, cold: bool, setting: str) -> Memory:
    """The project's memory; a `cold` run learns, and is told nothing. A store that fails costs the memory only."""

    def recall(kind: str, key: str) -> bytes | None:
        with contextlib.suppress(StoreError):
            return None if cold else store.recall(kind, key)
        return None

    def keep(kind: str, key: str, value: bytes) -> None:
        with contextlib.suppress(StoreError):  # that it cannot write is said when the report is saved
            store.remember(kind, key, value)

    return Memory(
        recall=recall,
        keep=keep,
        digests=lambda paths: {p: e.digest() for p, e in legible(root, paths).items()},
        footprint=lambda used: footprint(root, used),
        setting=setting,
    )


def kit(options: Options, root: Path, observe: Observer, store: Store) -> Kit:
    """The tools for a project, its interpreter found and asked, the isolation tried out."""
    python = interpreter.find(root, options.python, os.environ)
    variables = interpreter.variables_for_tests(os.environ, options.env, python.python)
    runner = PytestRunner(
        isolation(options),
        root=root,
        python=python,
        env=variables,
        arguments=options.pytest_args,
    )
    return Kit(
        options=options,
        root=root,
        runner=runner,
        observe=observe,
        started=dt.datetime.now(dt.UTC),
        meter=Meter(max_time=options.max_time, max_cpu=options.max_cpu),
        history=store.past_signals,
        memory=memory(
            store,
            root,
            cold=options.cold,
            setting=repr((__version__, sorted(variables.items()), options.pytest_args, options.fuel)),
        ),
        notes=python.notes,
    )


def isolation(options: Options) -> Sandbox:
    """What keeps the project's code from the machine; with strict validation, `UsageError` if something better works."""
    found = sandbox.find(level(options.isolation))
    if options.strict_validation and options.isolation is not None:
        best, _ = survey()
        if best is not None and list(Level).index(best.level) < list(Level).index(found.level):
            message = f"isolation {found.level} was asked for where {best.level} works; nothing was run"
            hint = "ask for none, or set strict_validation to false"
            raise UsageError(message, slug="weak-isolation", hint=hint)
    return found


def level(name: str | None) -> Level | None:
    """The isolation of that name; None is the best that works. `UsageError` where there is none of the name."""
    if name is None or name in set(Level):
        return Level(name) if name else None
    known = ", ".join(Level)
    raise UsageError(f"there is no isolation {name!r}; nothing was run", slug="option", hint=f"choose one of {known}")
