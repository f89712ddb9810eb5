"""A runner that answers from a script, and what the gate needs beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from reknit.model.patch import Edit, Entry, Metadata, Origin, Patch, Span
from reknit.runner.base import Facts, SuiteRun, TestOutcome, TestRun, Trials

FACTS = Facts(python="3.12", executable="python", platform="", prefixes=(), path=(), packages={})
TREE = {"a.py": Entry(content=b"x = 1\n")}


def suite(
    outcomes: Mapping[str, TestOutcome], *, not_run: Sequence[str] = (), errors: Iterable[tuple[str, str]] = ()
) -> SuiteRun:
    """A run in which the tests came out so; it cost one CPU second."""
    return SuiteRun(
        tests={t: TestRun(test=t, outcome=o, seconds=0.0) for t, o in outcomes.items()},
        collected=(*outcomes, *not_run),
        collect_errors=tuple(errors),
        not_run=tuple(not_run),
        status=0,
        coverage={},
        facts=FACTS,
        cpu_seconds=1.0,
        isolation="bubblewrap",
        view="overlay",
    )


@dataclass
class ScriptedRunner:
    """Gives the answers in order, raising those that are errors; remembers what it was asked."""

    answers: list[SuiteRun | Exception]
    asked: list[dict[str, Any]] = field(default_factory=list)

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
        self.asked.append({"files": dict(files or {}), "tests": tests, "whole": whole})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def trials(
        self, *, tests: Sequence[str], baseline: SuiteRun, jobs: int, fuel: int | None, deadline: float
    ) -> AbstractContextManager[Trials]:
        raise AssertionError("verify tries nothing")


def patch(*edits: Edit, tree: Mapping[str, Entry] = TREE) -> Patch:
    """A patch for `tree`; by default it makes a.py say `x = 2`."""
    edits = edits or (Span(path="a.py", start=4, end=5, old=b"1", new=b"2"),)
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Patch(
        edits=edits,
        base={e.path: tree[e.path].digest() if e.path in tree else "" for e in edits},
        confidence=0.5,
        origin=Origin(proposer="search"),
        metadata=Metadata(created=now, author="reknit", version="0"),
    )
