"""What every store promises, whatever it keeps its rows in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from reknit.model.outcome import Cost, Healthy, NotHealed, Outcome, Proposed, Report, Row, WhyNot
from reknit.model.patch import Create, Entry, Metadata, Origin, Patch
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.model.verdict import Label, Verdict
from reknit.store.db import Ambiguous, Found, Store, Unknown

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
Open = Callable[[], Store]


@pytest.fixture(params=["sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return {"sqlite": lambda: Store.open(tmp_path / "state" / "reknit.db")}[request.param]


def signal(name: str) -> Signal:
    return Signal(kind=SignalKind.TEST, error=ErrorInfo(type="AssertionError", message="no"), test=name)


def proposed(content: bytes, why: str = "cheapest") -> Proposed:
    patch = Patch(
        edits=(Create(path="a.py", entry=Entry(content=content)),),
        base={"a.py": ""},
        confidence=0.5,
        origin=Origin(proposer="test"),
        metadata=Metadata(created=START, author="t", version="0"),
    )
    verdict = Verdict(patch_id=patch.id, label=Label.PLAUSIBLE, checks=(), isolation="none", view="copy")
    return Proposed(patch=patch, verdict=verdict, why=why)


def report(day: int, *rows: tuple[str, Outcome]) -> Report:
    return Report(
        project="shop",
        started=START + dt.timedelta(days=day),
        rows=tuple(Row(signal=signal(name), outcome=outcome) for name, outcome in rows),
        cost=Cost(candidates=day),
    )


NOT_HEALED = NotHealed(why_not=WhyNot(suspects=(), rejected=(), candidates=1, exhausted=True, unblock="a test"))


def test_an_empty_store_knows_nothing(open_store: Open) -> None:
    with open_store() as store:
        assert store.runs() == ()
        assert store.latest_proposed() == []
        assert store.proposed("") == Unknown()
        assert store.past_signals(signal("t").fingerprint) == ()
        assert store.notes == ()


def test_reports_come_back_newest_first(open_store: Open) -> None:
    reports = [report(1, ("t1", proposed(b"\xff\x00"))), report(2), report(3, ("t1", NOT_HEALED), ("t2", Healthy()))]
    with open_store() as store:
        for each in reports:
            store.save_report(each)
    with open_store() as store:
        assert store.runs() == tuple(reversed(reports))
        assert store.runs(limit=1) == (reports[2],)


def test_a_patch_is_found_by_the_start_of_its_id(open_store: Open) -> None:
    every = [proposed(b"%d" % number) for number in range(40)]
    with open_store() as store:
        store.save_report(report(1, *((f"t{at}", each) for at, each in enumerate(every))))
        for each in every:
            assert store.proposed(each.patch.id) == Found(patch=each.patch, verdict=each.verdict, why=each.why)
        first = every[0].patch.id[0]
        same = sorted(each.patch.id for each in every if each.patch.id.startswith(first))
        answer = store.proposed(first)
        assert answer == Ambiguous(ids=tuple(same)) if len(same) > 1 else isinstance(answer, Found)
        assert isinstance(store.proposed(""), Ambiguous)
        assert store.proposed("%") == Unknown()
        assert store.proposed(every[0].patch.id + "0") == Unknown()


def test_the_latest_run_alone_proposes(open_store: Open) -> None:
    one, two, three = proposed(b"1"), proposed(b"2"), proposed(b"3")
    with open_store() as store:
        store.save_report(report(1, ("t1", one), ("t2", two)))
        again = proposed(b"1", why="now for another reason")
        store.save_report(report(2, ("t3", three), ("t1", again), ("t4", again)))
        assert [(found.patch, found.why) for found in store.latest_proposed()] == [
            (three.patch, "cheapest"),
            (one.patch, "now for another reason"),
        ]
        assert isinstance(store.proposed(two.patch.id), Found)
        store.save_report(report(3, ("t1", NOT_HEALED)))
        assert store.latest_proposed() == []


def test_signals_remember_how_they_ended_and_the_change_since(open_store: Open) -> None:
    with open_store() as store:
        store.save_report(report(1, ("t1", NOT_HEALED), ("t2", NOT_HEALED), ("t3", proposed(b"x"))))
        store.save_report(report(2, ("t2", NOT_HEALED)))
        store.save_report(report(3, ("t1", proposed(b"y")), ("t2", NOT_HEALED)))
        past = store.past_signals(signal("t1").fingerprint)
        assert [(each.at.day, each.delta, each.outcome) for each in past] == [
            (2, 0, "not healed"),
            (4, -1, "proposed"),
        ]
        assert [each.delta for each in store.past_signals(signal("t2").fingerprint)] == [0, -2, 1]
        assert past[0].at.tzinfo is not None
