"""A suite run from start to end: stalled and dying tests cost their own result, not the others'."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reknit.errors import CannotJudgeError
from reknit.model.signal import Frame
from reknit.probe.protocol import Message
from reknit.runner.base import Facts, Failure, SuiteRun, TestOutcome, TestRun
from reknit.runner.session import Place, Session, relative, text

#: A test that uses no CPU time is called stalled after this many times the limit of CPU time.
_STALL = 2.0
#: Processes that may die or stall before the rest counts as not run.
_RESTARTS = 20


@dataclass
class _State:
    """What is known so far, over several processes."""

    tests: dict[str, TestRun] = field(default_factory=dict)
    collected: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    coverage: dict[str, dict[str, frozenset[int]]] = field(default_factory=dict)
    facts: Facts | None = None
    status: int | None = None
    cpu: float = 0.0
    running: str | None = None
    output: str = ""
    isolation: str = ""
    view: str = ""


def run_suite(
    place: Place,
    order: Message,
    *,
    files: Mapping[str, bytes | None],
    tests: Sequence[str] | None,
    deadline: float,
) -> SuiteRun:
    """Run until every test has a result or `deadline` passes; `order` holds arguments, trace and limits."""
    state, wanted = _State(), tests
    for _ in range(_RESTARTS):
        ended = _one_process(place, {**order, "mode": "suite", "tests": wanted}, dict(files), state, deadline)
        left = [t for t in state.collected if t not in state.tests]
        if ended or not left or time.monotonic() >= deadline:
            break
        wanted = left
    if state.facts is None and not state.collected:
        raise _nothing(state)
    return SuiteRun(
        tests=state.tests,
        collected=tuple(state.collected),
        collect_errors=tuple(state.errors),
        not_run=tuple(t for t in state.collected if t not in state.tests),
        status=state.status,
        coverage=state.coverage,
        facts=state.facts or _no_facts(place),
        cpu_seconds=state.cpu,
        isolation=state.isolation,
        view=state.view,
        output=state.output,
    )


def _one_process(place: Place, order: Message, files: dict[str, bytes | None], state: _State, deadline: float) -> bool:
    """Read one process to its end; False where it stalled or died and the rest should be run in another."""
    with Session(place, order, files=files) as session:
        state.isolation, state.view = session.running.level, session.running.view_kind
        stall = order["hang_seconds"] * _STALL
        while True:
            limit = deadline if state.running is None else min(deadline, time.monotonic() + stall)
            try:
                message = session.receive(limit)
            except TimeoutError:
                late = time.monotonic() >= deadline
                if not late:
                    _stopped(state, "TestStalled", f"no end after {stall:.0f} s", hung=True)
                return late
            if message is None:
                state.output = session.running.output().decode("utf-8", "replace")[-4000:]
                if state.running is None:
                    return True
                status = session.running.wait(5)
                _stopped(state, "ProcessDied", f"the process died, status {status}", hung=False)
                return False
            if _take(state, message, (session.root, place.root)):
                state.output = session.running.output().decode("utf-8", "replace")[-4000:]
                return True


def _stopped(state: _State, kind: str, message: str, *, hung: bool) -> None:
    test, state.running = state.running, None
    if test is not None:
        failure = Failure(type=kind, message=message, hung=hung)
        state.tests[test] = TestRun(test=test, outcome="error", seconds=0.0, failure=failure)


def _take(state: _State, message: Message, roots: tuple[Path, ...]) -> bool:
    """Note one message; True at the last."""
    match message.get("event"):
        case "collected":
            state.collected += [t for t in message["tests"] if t not in set(state.collected)]
        case "collect-error":
            state.errors.append((text(message["test"]), text(message["text"])))
        case "start":
            state.running = text(message["test"])
        case "result":
            state.running = None
            run = as_run(message, roots)
            state.tests[run.test] = run
        case "coverage":
            for test, lines in message["lines"].items():
                state.coverage[test] = dict(_inside(lines, roots))
        case "finish":
            state.status = int(message["status"])
            state.cpu += float(message["cpu"])
            state.facts = facts(message, roots)
            return True
        case "no-pytest":
            raise _no_pytest(facts(message, roots))
        case _:
            pass  # a later probe may say more
    return False


def _inside(lines: Mapping[str, Sequence[int]], roots: tuple[Path, ...]) -> Any:
    for path, numbers in lines.items():
        inside = relative(path, *roots)
        if inside is not None:
            yield inside, frozenset(int(n) for n in numbers)


def as_run(message: Message, roots: tuple[Path, ...]) -> TestRun:
    """A result as the probe told it."""
    outcomes: dict[str, TestOutcome] = {o: o for o in ("passed", "failed", "error", "skipped", "xfailed")}  # type: ignore[misc]
    outcome = outcomes.get(text(message.get("outcome")), "error")
    told = message.get("failure")
    failure = None
    if told:
        failure = Failure(
            type=text(told["type"]),
            message=text(told["message"]),
            frames=tuple(_frame(f, roots) for f in told["frames"]),
            local_variables={str(n): str(v) for n, v in told["locals"].items()},
            hung=bool(told["hung"]),
        )
    return TestRun(test=text(message["test"]), outcome=outcome, seconds=float(message["seconds"]), failure=failure)


def _frame(told: Message, roots: tuple[Path, ...]) -> Frame:
    path = text(told["path"])
    inside = relative(path, *roots)
    foreign = inside is None or "site-packages" in path
    return Frame(
        path=path if inside is None else inside,
        line=int(told["line"]),
        function=text(told["function"]),
        in_project=not foreign,
    )


def facts(message: Message, roots: tuple[Path, ...]) -> Facts:
    """The interpreter's facts as the probe told them."""
    files = (relative(p, *roots) for p in message.get("files", ()))
    return Facts(
        python=text(message["python"]),
        executable=text(message["executable"]),
        platform=text(message["platform"]),
        prefixes=tuple(message["prefixes"]),
        path=tuple(message["path"]),
        packages={str(n): str(v) for n, v in message["packages"].items()},
        modules=tuple(message.get("modules", ())),
        files=tuple(f for f in files if f is not None),
    )


def _no_facts(place: Place) -> Facts:
    return Facts(python="", executable=str(place.python), platform="", prefixes=(), path=(), packages={})


def _no_pytest(known: Facts) -> CannotJudgeError:
    return CannotJudgeError(
        f"{known.executable} (Python {known.python}) has no pytest, so no test was run and nothing was changed",
        slug="no-pytest",
        hint=f"install it there (`{known.executable} -m pip install pytest`), or name another interpreter with --python",
    )


def _nothing(state: _State) -> CannotJudgeError:
    tail = f"\n{state.output.strip()[-1500:]}" if state.output.strip() else ""
    return CannotJudgeError(
        f"pytest ended before it had collected anything; nothing was changed{tail}",
        slug="no-collection",
        hint="run `python -m pytest` by hand in the project and see that it collects",
    )
