"""What a worker makes of an answer: anything may be in it, as the candidate shares the probe's process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reknit.probe.protocol import Message
from reknit.runner.base import Attempt
from reknit.runner.environments import Interpreter
from reknit.runner.session import Place
from reknit.runner.workers import Worker
from reknit.runner.zygote import Plan, Zygote
from reknit.sandbox.base import Limits
from tests import projects

ANSWER: Message = {
    "event": "attempt", "id": 1, "cpu": 1.0, "loaded": True, "finished": True, "exhausted": False, "timed_out": False,
    "ticks": 1, "why": "", "running": None, "status": 0, "errors": [],
    "results": [{"test": "t", "outcome": "passed", "seconds": 0.0}],
}  # fmt: skip
GARBLED: dict[str, Message] = {
    "results are a number": {"results": 3},
    "results are numbers": {"results": [3]},
    "a result without a test": {"results": [{"outcome": "passed", "seconds": 0}]},
    "ticks are text": {"ticks": "many"},
    "ticks are infinite": {"ticks": float("inf")},
    "status is nothing": {"running": "t", "status": None},
    "status is no status": {"running": "t", "status": 1 << 80},
    "errors are text": {"results": [], "errors": "text"},
    "errors are empty": {"results": [], "errors": [{}]},
}


class Scripted:
    """A session that gives the same answer to everything."""

    root = Path("/p")

    def __init__(self, answer: Message) -> None:
        self._answer = answer

    def send(self, message: Message) -> None: ...

    def receive(self, _deadline: float) -> Message:
        return self._answer


def ask(answer: Message, tests: Sequence[str] = ("t",)) -> Attempt:
    baseline: Any = type("Baseline", (), {"tests": {}})
    place = Place(
        sandbox=projects.Copying(scratch=Path("/s")), python=Interpreter(python=Path("/python"), origin="none"),
        root=Path("/p"), env={}, readable=(), limits=Limits(),
    )  # fmt: skip
    plan = Plan(place=place, order={}, tests=("t",), baseline=baseline, fuel=None, deadline=math.inf)
    worker = Worker(plan, "fresh", Zygote(plan, "fresh", "memory"))
    session: Any = Scripted({**ANSWER, **answer})
    return worker._ask(session, {"tests": list(tests)}, stop=True)


@pytest.mark.parametrize("answer", GARBLED.values(), ids=GARBLED)
def test_a_garbled_answer_is_no_verdict(answer: Message) -> None:
    attempt = ask(answer)
    assert (attempt.passed, attempt.results) == (False, ())
    assert "cannot be read" in attempt.why


@pytest.mark.parametrize(
    ("answer", "tests", "passed"),
    [
        ({}, ["t"], True),
        ({}, ["t", "other"], False),
        ({"finished": False}, ["t"], False),
        ({"exhausted": True}, ["t"], False),
        ({"timed_out": True}, ["t"], False),
        ({"loaded": False}, ["t"], False),
        ({"results": [{"test": "t", "outcome": "skipped", "seconds": 0}]}, ["t"], False),
        ({"results": [{"test": "t", "outcome": "xfailed", "seconds": 0}]}, ["t"], False),
    ],
)
def test_what_it_takes_to_pass(answer: Message, tests: list[str], passed: bool) -> None:
    assert ask(answer, tests).passed is passed
