"""`reknit status` and `reknit breaker`: what may be done in a project now, why not, and until when."""

from __future__ import annotations

import datetime as dt
import math
import sys
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from reknit.auditing import Audit
from reknit.cli import results
from reknit.cli.render import say
from reknit.cli.text import on_one_line
from reknit.config import Options, find_root
from reknit.control import NAMES, Control
from reknit.guard.breaker import Mode, State
from reknit.store.controls import Change
from reknit.store.db import Store
from reknit.store.place import project_state

#: Changes that are shown.
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStatus:
    """One breaker."""

    name: str
    mode: Mode
    reason: str
    #: None: it has never changed.
    since: dt.datetime | None
    #: When a trial may be made; None: it need not wait, or a person has to close it.
    retry_at: dt.datetime | None
    #: Outcomes that were counted, and the failure rate of late.
    outcomes: int
    late: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """Of `status` and `breaker`."""

    breakers: tuple[BreakerStatus, ...]
    #: Patches that were applied today (UTC), and that still may be; None: there is no limit.
    patches_today: int
    patches_left: int | None
    #: How the breakers changed, oldest first.
    changes: tuple[Change, ...]


def status_verb(options: Options, *, as_json: bool = False) -> int:
    """Show the breakers and the day's budget."""
    with _opened(options) as store:
        return _show("status", _status(_control(store, options)), as_json=as_json)


def breaker_verb(options: Options, act: str, name: str | None, reason: str, *, as_json: bool = False) -> int:
    """Turn one breaker, or all, by a person's word."""
    with _opened(options) as store:
        control = _control(store, options)
        for each in NAMES if name is None else (name,):
            control.turn(each, act, reason or f"a person said: {act}")
        return _show("breaker", _status(control), as_json=as_json)


def _opened(options: Options) -> Store:
    root = find_root(options.project)
    return Store.open(project_state(root, options.state_dir) / "store.db", root=root)


def _control(store: Store, options: Options) -> Control:
    def tell(text: str) -> None:
        print(on_one_line(text), file=sys.stderr)

    state = project_state(find_root(options.project), options.state_dir)
    audit = Audit.of(options, state, lambda event: tell(event.text))
    return Control(store.controls, tell=tell, changed=audit.change, patches_a_day=options.patches_a_day)


def _status(control: Control) -> StatusResult:
    today = control.today()
    left = today.left("patches")
    return StatusResult(
        breakers=tuple(_of(name, control.state(name)) for name in NAMES),
        patches_today=int(today.spent.get("patches", 0)),
        patches_left=None if math.isinf(left) else int(left),
        changes=control.changes(limit=_SHOWN),
    )


def _of(name: str, state: State) -> BreakerStatus:
    return BreakerStatus(
        name=name,
        mode=state.mode,
        reason=state.reason,
        since=_time(state.since) if state.generation else None,
        retry_at=_time(state.retry_at) if state.mode is Mode.OPEN else None,
        outcomes=state.outcomes,
        late=state.late,
    )


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _show(verb: str, status: StatusResult, *, as_json: bool) -> int:
    if as_json:
        return results.emit(verb, status)
    console = Console()
    for each in status.breakers:
        style = "green" if each.mode in (Mode.CLOSED, Mode.DISABLED, Mode.METRICS_ONLY) else "red"
        say(console, Text.assemble(f"{each.name:<16} ", (each.mode.value, style)))
        since = f", since {each.since:%Y-%m-%d %H:%M:%S} UTC" if each.since else ""
        say(
            console,
            Text(f"  {on_one_line(each.reason)}{since}; {each.outcomes} counted, {each.late:.0%} failed of late"),
        )
        if each.retry_at is not None:
            say(console, Text(f"  tried again from {each.retry_at:%Y-%m-%d %H:%M:%S} UTC on"))
        elif each.mode is Mode.FORCED_OPEN:
            say(console, Text(f"  until a person closes it: `reknit breaker close {each.name}`"))
    left = "no limit" if status.patches_left is None else f"{status.patches_left} left"
    say(console, Text(f"patches today    {status.patches_today}, {left}"))
    for change in status.changes:
        at = f"{_time(change.at):%Y-%m-%d %H:%M:%S}"
        say(
            console,
            Text(f"  {at}  {change.name}: {change.before} → {change.after}, {on_one_line(change.reason)}", "dim"),
        )
    return 0
