"""A project with one file, what was proposed for it and what was done."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from reknit import changes
from reknit.apply.journal import Journal
from reknit.config import Options
from reknit.model.outcome import Cost, Proposed, Report, Row
from reknit.model.patch import Entry, Patch, Span
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.model.verdict import Label, Verdict
from reknit.store.db import Store
from reknit.store.place import project_state
from tests.unit.verify.stage import patch

TEXT = b"one = 1\ntwo = 2\nthree = 3\n"
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Place:
    """A project with one file, and what was proposed for it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.base = folder / "project", folder / "state"
        self.root.mkdir()
        self.write(TEXT)
        self.options = Options(project=self.root, state_dir=self.base)
        self.journal = Journal(self.root, project_state(self.root, self.base))

    def write(self, text: bytes) -> None:
        (self.root / "a.py").write_bytes(text)
        (self.root / "a.py").chmod(0o644)

    def read(self) -> bytes:
        return (self.root / "a.py").read_bytes()

    def change(self, word: bytes, new: bytes) -> Patch:
        """Another value for `word`, in the file as it is now."""
        text = self.read()
        start = text.index(word + b" = ") + len(word) + 3
        end = text.index(b"\n", start)
        span = Span(path="a.py", start=start, end=end, old=text[start:end], new=new)
        return patch(span, tree={"a.py": Entry(content=text)})

    def apply(self, one: Patch) -> str:
        return self.journal.apply(one, verdicts=(), now=NOW).id

    def undo(self, receipt: str) -> None:
        self.journal.undo(receipt, now=NOW)

    def fits(self, one: Patch) -> bool:
        return changes._fit(self.root, self.journal.history, one) is not None

    def propose(self, *patches: Patch, heals: tuple[str, ...] = ()) -> None:
        rows = tuple(
            Row(
                signal=Signal(kind=SignalKind.TEST, test=p.id, error=ErrorInfo(type="E", message="")),
                outcome=Proposed(patch=p, verdict=replace(self.verdict(p), heals=heals), why="because"),
            )
            for p in patches
        )
        with Store.open(project_state(self.root, self.base) / "store.db") as store:
            store.save_report(Report(project=str(self.root), started=NOW, rows=rows, cost=Cost()))

    @staticmethod
    def verdict(one: Patch) -> Verdict:
        return Verdict(patch_id=one.id, label=Label.PLAUSIBLE, checks=(), isolation="none", view="copy")
