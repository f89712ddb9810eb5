"""What one run works with: its runner, its budget, and what it tells."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from reknit import sandbox
from reknit.apply.tree import read
from reknit.clock import Meter
from reknit.config import Options
from reknit.errors import JournalError, StoreError, UsageError
from reknit.events import Observer, Progress
from reknit.memory import Memory
from reknit.model.patch import Entry
from reknit.model.signal import PastSignal
from reknit.runner import interpreter
from reknit.runner.base import Runner
from reknit.runner.pytest import PytestRunner
from reknit.sandbox.base import Level
from reknit.store.db import Store

#: Files that are no modules, and may be what tests read: so many are looked at.
_DATA_FILES = 20_000
_FOREIGN = frozenset({"node_modules", "__pycache__", "venv", "env", "build", "dist"})


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
    candidates: int = 0
    #: What is to be said of the tools themselves.
    notes: tuple[str, ...] = ()

    def tell(self, stage: str, text: str, tried: int | None = None) -> None:
        """Progress of a stage."""
        self.observe(Progress(stage=stage, text=text, tried=tried))

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


def memory(store: Store, root: Path, *, cold: bool) -> Memory:
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
        data=lambda: _data(root),
    )


def _data(root: Path) -> str:
    """A mark over name, size and time of the project's files that are no modules, the first `_DATA_FILES` of them."""
    mark, left = hashlib.sha256(), _DATA_FILES
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _FOREIGN)
        for name in sorted(f for f in files if not f.endswith((".py", ".pyc")))[:left]:
            left -= 1
            with contextlib.suppress(OSError):
                seen = Path(folder, name).lstat()
                mark.update(os.fsencode(f"{folder}/{name}\0{seen.st_size}\0{seen.st_mtime_ns}\0"))
        if not left:
            break
    return mark.hexdigest()


def kit(options: Options, root: Path, observe: Observer, store: Store) -> Kit:
    """The tools for a project, its interpreter found and asked, the isolation tried out."""
    python = interpreter.find(root, options.python, os.environ)
    runner = PytestRunner(
        sandbox.find(level(options.isolation)),
        root=root,
        python=python,
        env=interpreter.environment(os.environ, options.env, python.python),
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
        memory=memory(store, root, cold=options.cold),
        notes=python.notes,
    )


def level(name: str | None) -> Level | None:
    """The isolation of that name; None is the best that works. `UsageError` where there is none of the name."""
    if name is None or name in set(Level):
        return Level(name) if name else None
    known = ", ".join(Level)
    raise UsageError(f"there is no isolation {name!r}; nothing was run", slug="option", hint=f"choose one of {known}")
