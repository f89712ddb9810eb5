"""A run of the loop on a file of three numbers: its tools, its patches, and what its suite answers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from reknit.clock import Meter
from reknit.config import Options
from reknit.events import ignore
from reknit.healing import Healing
from reknit.kit import Kit
from reknit.memory import Memory
from reknit.model.outcome import Outcome, Proposed
from reknit.model.patch import Entry, Metadata, Origin, Patch, Span
from reknit.model.verdict import Label, Verdict
from reknit.runner.base import SuiteRun
from tests.unit.verify.stage import ScriptedRunner, suite

TEXT = b"one = 1\ntwo = 2\nthree = 3\n"
RED = suite({"one": "failed", "two": "failed", "three": "failed", "green": "passed"})


def kit(root: Path, *answers: SuiteRun | Exception, **options: Any) -> Kit:
    return Kit(
        options=Options(**{"project": root, "apply": True, "unsafe": True, **options}),
        root=root,
        runner=ScriptedRunner(list(answers)),
        observe=ignore,
        started=dt.datetime.now(dt.UTC),
        meter=Meter(max_time=float(options.get("max_time", 300.0)), max_cpu=options.get("max_cpu")),
        history=lambda _fingerprint: (),
        memory=Memory(
            recall=lambda *_: None, keep=lambda *_: None, digests=lambda _: {}, footprint=lambda _: ("", ""), setting=""
        ),
    )


def proposed(word: bytes, new: bytes, label: Label = Label.PLAUSIBLE) -> Proposed:
    """A change of the value that `word` has in a.py."""
    start = TEXT.index(word + b" = ") + len(word) + 3
    patch = Patch(
        edits=(Span(path="a.py", start=start, end=start + 1, old=TEXT[start : start + 1], new=new),),
        base={"a.py": Entry(content=TEXT).digest()},
        confidence=0.5,
        origin=Origin(proposer="search", note=word.decode()),
        metadata=Metadata(created=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), author="reknit", version="0"),
    )
    verdict = Verdict(patch_id=patch.id, label=label, checks=(), isolation="bubblewrap", view="overlay")
    return Proposed(patch=patch, verdict=verdict, why="")


def healing(**outcomes: Outcome) -> Healing:
    return Healing(baseline=RED, signals=(), outcomes=outcomes)


def passing(*tests: str) -> SuiteRun:
    return suite({**{t: r.outcome for t, r in RED.tests.items()}, **dict.fromkeys(tests, "passed")})
