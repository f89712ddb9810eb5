"""Which patch is offered first, and how sure of it anyone may be."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import pytest

from reknit.model.patch import Metadata, Origin, Patch, Span
from reknit.propose.base import Candidate
from reknit.propose.rank import CEILING, confidence, order, why


def candidate(cost: float = 0.0, *, path: str = "a.py", start: int = 0, new: bytes = b"x") -> Candidate:
    return Candidate(
        path=path, start=start, end=start + 1, new=new, line=1, cost=cost, operator="", note="", function=None
    )  # fmt: skip


def test_least_cost_then_shortest_then_first_place() -> None:
    wanted = [
        candidate(1.0, new=b"longer", path="z.py"),
        candidate(2.0, new=b"", path="z.py"),
        candidate(2.0, path="a.py", start=5),
        candidate(2.0, path="b.py", start=1),
        candidate(2.0, path="b.py", start=2, new=b"a"),
        candidate(2.0, path="b.py", start=2, new=b"b"),
    ]
    assert all(order(some) == wanted for some in itertools.islice(itertools.permutations(wanted), 0, 720, 37))


def test_confidence_is_the_share_of_the_prior() -> None:
    first, second = candidate(1.0), candidate(1.0 + math.log(3))
    assert confidence(first, [first, second]) == pytest.approx(0.75)
    assert confidence(second, [first, second]) == pytest.approx(0.25)


def test_nothing_is_claimed_above_the_ceiling() -> None:
    only = candidate(0.0)
    assert confidence(only, [only]) == CEILING < 1


def patch(note: str) -> Patch:
    return Patch(
        edits=(Span(path="a.py", start=0, end=0, old=b"", new=note.encode()),),
        base={"a.py": "0"},
        confidence=0.5,
        origin=Origin(proposer="search", note=note),
        metadata=Metadata(created=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), author="reknit", version="0"),
    )


def test_why_names_the_next_one_that_was_not_refused() -> None:
    refused, chosen, other = patch("refused"), patch("chosen"), patch("other")
    text = why(chosen, [refused, chosen, other], 1)
    assert text.startswith("the most probable of 3 that pass")
    assert "1 more probable did not pass in a clean process" in text
    assert text.endswith("next: other")
    assert "next" not in why(chosen, [refused, chosen], 1)
    assert "more probable" not in why(chosen, [chosen], 0)
