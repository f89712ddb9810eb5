"""A suite run from start to end: stalled and dying tests cost their own result, not the others'."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reknit.errors import CannotJudgeError
from reknit.model.signal import Frame
from reknit.probe.protocol import Message
from reknit.runner.base import OUTCOMES, Facts, Failure, SuiteRun, TestOutcome, TestRun
from reknit.runner.remedy import broken_pytest, no_pytest
from reknit.runner.session import Place, Session, amount, relative, text, texts, untrusted

#: A test that uses no CPU time is called stalled after so many seconds, or times the limit of CPU time, if more: on a
#: loaded machine the wall clock runs ahead. Siblings of a test that hung get a share of it.
_STALL_SECONDS, _STALL_FACTOR, _SIBLING = 20.0, 6.0, 0.25
#: Processes that may die or stall before the rest counts as not run.
_RESTARTS = 20
#: How pytest's own words begin where they help nobody, and those on a mistake inside of it.
_HEADER = ("=====", "platform ", "cachedir: ", "rootdir: ", "configfile: ", "plugins: ", "collecting ")
_INTERNAL = "INTERNALERROR"
_TOLD_LINES = 20


@dataclass
class _State:
    """What is known so far, over several processes."""

    tests: dict[str, TestRun] = field(default_factory=dict)
    collected: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    coverage: dict[str, dict[str, frozenset[int]]] = field(default_factory=dict)
    spawning: set[str] = field(default_factory=set)
    foreign: dict[str, str] = field(default_factory=dict)
    facts: Facts | None = None
    status: int | None = None
    cpu: float = 0.0
    #: Of the process that runs, when it last said so: all that is known of one that is stopped or dies.
    cpu_so_far: float = 0.0
    running: str | None = None
    #: What pytest was importing when it was last heard of, and how the last process ended.
    collecting: str = ""
    end: str = ""
    output: str = ""
    isolation: str = ""
    view: str = ""
    tracer: str = ""
    changed: set[str] = field(default_factory=set)
    broken_seals: set[str] = field(default_factory=set)
    marks: dict[str, str] = field(default_factory=dict)


def run_suite(
    place: Place,
    order: Message,
    *,
    files: Mapping[str, bytes | None],
    tests: Sequence[str] | None,
    deadline: float,
    sealed: Sequence[str] = (),
) -> SuiteRun:
    """Run until every test has a result or `deadline` passes; `order` holds arguments, trace and limits."""
    state, wanted = _State(), tests
    for _ in range(_RESTARTS):
        known = len(state.tests)
        _one_process(place, {**order, "mode": "suite", "tests": wanted}, dict(files), state, deadline, sealed)
        state.cpu += state.cpu_so_far
        wanted = [t for t in state.collected if t not in state.tests]
        # One that has finished may still have stopped early: an interrupt or `pytest.exit` ends all tests at once.
        if not wanted or len(state.tests) == known or time.monotonic() >= deadline:
            break
    late = time.monotonic() >= deadline
    if late and tests is not None and not state.collected:
        state.collected = list(tests)  # what there is was known before: none of it was run
    if state.facts is None and not state.collected:
        raise _nothing(state, late=late)
    return SuiteRun(
        tests=state.tests,
        collected=tuple(state.collected),
        collect_errors=tuple(state.errors),
        not_run=tuple(t for t in state.collected if t not in state.tests),
        status=state.status,
        coverage=state.coverage,
        spawning=frozenset(state.spawning),
        foreign=state.foreign,
        facts=state.facts or _no_facts(place),
        cpu_seconds=state.cpu,
        isolation=state.isolation,
        view=state.view,
        changed=frozenset(state.changed),
        broken_seals=tuple(sorted(state.broken_seals)),
        marks=state.marks,
        output=state.output,
        tracer=state.tracer,
    )


def _one_process(
    place: Place,
    order: Message,
    files: dict[str, bytes | None],
    state: _State,
    deadline: float,
    sealed: Sequence[str],
) -> None:
    """Read one process to its end, be it that it finished, stalled or died; then look at its sealed files."""
    order = {**order, "hung": [t for t, r in state.tests.items() if r.failure and r.failure.hung]}
    with Session(place, order, files=files, sealed=sealed) as session:
        _listen(session, place, order, state, deadline)
        if sealed:
            broken = session.running.broken()
            state.broken_seals.update(sealed if broken is None else broken)


def _listen(session: Session, place: Place, order: Message, state: _State, deadline: float) -> None:
    before = set(state.tests)
    state.status = state.running = None
    state.cpu_so_far = 0.0
    state.isolation, state.view = session.running.level, session.running.view_kind
    while True:
        stall = _stall(state, order)
        try:
            message = session.receive(min(deadline, time.monotonic() + stall))
        except TimeoutError:
            _forget_untraced(state, order, before)
            if time.monotonic() < deadline:
                _stopped(state, "TestStalled", f"no end after {stall:.0f} s", hung=True)
            return
        if message is None:
            state.output = session.output()
            state.end = death(session.running.wait(0))
            _forget_untraced(state, order, before)
            _stopped(state, "ProcessDied", state.end, hung=False)
            return
        with untrusted():
            last = _take(state, message, place, session.root)
        if last:
            state.output = session.output() if state.status not in (0, 1) else ""
            return


def _forget_untraced(state: _State, order: Message, before: set[str]) -> None:
    """Lines are told at the end: of a process that did not come to it, results with no lines are not believed."""
    if order.get("trace"):
        state.tests = {t: r for t, r in state.tests.items() if t in before}


def _stall(state: _State, order: Message) -> float:
    """Seconds without a message after which a test, or the end of the suite, is waited for no longer."""
    whole: float = max(_STALL_SECONDS, _STALL_FACTOR * order["hang_seconds"])
    if state.running is None:
        return whole if state.collected and len(state.tests) == len(state.collected) else math.inf
    hung = {_function(t) for t in order["hung"]}
    return whole * (_SIBLING if _function(state.running) in hung else 1)


def _function(test: str) -> str:
    return test.partition("[")[0]


def death(status: int | None) -> str:
    """How a process ended, in words; None for one that lives on without its connection."""
    if status is None:
        return "the process closed its connection"
    if status < 0:
        return f"the process died of signal {-status}"
    return f"the process ended itself with status {status}"


def _stopped(state: _State, kind: str, message: str, *, hung: bool) -> None:
    test, state.running = state.running, None
    if test is not None:
        failure = Failure(type=kind, message=message, hung=hung)
        state.tests[test] = TestRun(test=test, outcome="error", seconds=0.0, failure=failure)


def _take(state: _State, message: Message, place: Place, here: Path) -> bool:
    """Note one message; True at the last. `here` is where the process finds the project."""
    roots = (here, place.root)
    match message.get("event"):
        case "collected":
            known = set(state.collected)
            state.foreign |= {str(t): text(kind) for t, kind in message.get("foreign", {}).items()}
            state.collected += [t for t in texts(message["tests"]) if t not in known]
        case "collecting":
            state.collecting = text(message["what"])
        case "collect-error":
            error = (text(message["test"]), text(message["text"]))
            state.errors += [error] if error not in state.errors else []
        case "start":
            state.running = text(message["test"])
        case "result":
            run = as_run(message, roots)
            if state.running != run.test:
                state.changed.add(f"a second result of {run.test}")
            state.running = None
            state.tests[run.test] = run
            state.cpu_so_far = amount(message.get("cpu"))
        case "coverage":
            state.tracer = text(message.get("backend"))
            state.spawning.update(texts(message.get("spawning")))
            for test, lines in message["lines"].items():
                state.coverage[test] = dict(_inside(lines, roots))
        case "finish":
            state.changed.update(texts(message.get("changed", ["an end that was not the probe's"])))
            state.marks |= {str(t): text(mark) for t, mark in message.get("marks", {}).items()}
            state.status = int(message["status"])
            state.cpu_so_far = amount(message["cpu"])
            state.facts = facts(message, roots)
            return True
        case "no-pytest":
            raise no_pytest(place.python, place.root, text(message["python"]))
        case "broken-pytest":
            there = facts(message, roots)
            version = there.packages.get("pytest")
            raise broken_pytest(place.python, python=there.python, pytest=version, said=text(message["text"]))
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
    outcome: TestOutcome = next((o for o in OUTCOMES if o == message["outcome"]), "error")
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
    return TestRun(test=text(message["test"]), outcome=outcome, seconds=amount(message["seconds"]), failure=failure)


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
    files = (relative(p, *roots) for p in texts(message.get("files")))
    return Facts(
        python=text(message["python"]),
        executable=text(message["executable"]),
        platform=text(message["platform"]),
        prefixes=texts(message["prefixes"]),
        path=texts(message["path"]),
        packages={str(n): str(v) for n, v in message["packages"].items()},
        modules=texts(message.get("modules")),
        files=tuple(f for f in files if f is not None),
        elsewhere={text(name): text(path) for name, path in message.get("elsewhere", {}).items()},
    )


def _no_facts(place: Place) -> Facts:
    return Facts(python="", executable=str(place.python.python), platform="", prefixes=(), path=(), packages={})


def told(output: str) -> str:
    """The end of what pytest printed: without its header, and of a mistake inside of it the last place only."""
    lines = [line for line in output.splitlines() if line.strip() and not line.startswith(_HEADER)]
    inside = [line.removeprefix(_INTERNAL).lstrip(">").rstrip() for line in lines if line.startswith(_INTERNAL)]
    if inside:
        last = max((i for i, line in enumerate(inside) if line.lstrip().startswith('File "')), default=0)
        lines = inside[last:]
    return "\n".join(lines[-_TOLD_LINES:])


def _nothing(state: _State, *, late: bool) -> CannotJudgeError:
    where = f" of {state.collecting}" if state.collecting not in {"", "."} else ""
    if late:
        return CannotJudgeError(
            f"pytest had not listed the tests when time was up, in the midst{where or ' of its start'}; "
            "no test was run and nothing was changed",
            slug="too-slow",
            hint="give more time with --max-time, or fewer tests after --; does a module wait or loop at import?",
        )
    said = told(state.output)
    tail = f"\n{said}" if said else ""
    return CannotJudgeError(
        f"pytest ended in the midst{where or ' of its start'}, before it had listed the tests: "
        f"{state.end or 'it gave no reason'}; no test was run and nothing was changed{tail}",
        slug="no-collection",
        hint="run `python -m pytest --collect-only` by hand in the project; what is imported must not end the process",
    )
