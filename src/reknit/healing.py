"""The state of a run between two steps of the loop, and what is said and kept of it at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reknit.errors import StoreError
from reknit.kit import Kit
from reknit.model.fault import Fault
from reknit.model.outcome import Cost, Outcome, Proposed, Report, Row
from reknit.model.signal import Signal
from reknit.redaction import redact
from reknit.runner.base import SuiteRun
from reknit.store.db import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing:
    """What is known between two steps."""

    #: The suite as it is, untouched by any tool.
    baseline: SuiteRun
    signals: tuple[Signal, ...]
    faults: tuple[Fault, ...] = ()
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    #: What a breaker or a budget held back.
    held: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[Signal, ...]:
        """Those that have no outcome yet."""
        return tuple(s for s in self.signals if s.test not in self.outcomes)


def report_of(kit: Kit, healing: Healing) -> Report:
    """What is said of a run, with its bill."""
    shown = (replace(s, local_variables=redact(s.local_variables)) for s in healing.signals)  # it is kept
    rows = tuple(Row(signal=s, outcome=healing.outcomes[s.test or ""]) for s in shown)
    used = kit.meter
    cost = Cost(
        candidates=kit.candidates,
        steps=kit.steps,
        seconds=round(used.seconds, 3),
        cpu_seconds=round(used.cpu_seconds, 3),
    )
    return Report(
        project=str(kit.root),
        started=kit.started,
        rows=rows,
        cost=cost,
        notes=(*kit.notes, *healing.notes),
        held=healing.held,
    )


def keep_found(kit: Kit, healing: Healing, store: Store, exc: KeyboardInterrupt) -> None:
    """Keep the patches that were found before the user ended the run; a note on `exc` says how to get at them."""
    found = {t: o for t, o in kit.outcomes.items() if isinstance(o, Proposed)}
    if found:
        signals = tuple(s for s in healing.signals if s.test in found)
        kept(store, report_of(kit, replace(healing, signals=signals, outcomes=found)))
        exc.add_note("`reknit show` has the patches that were found by then")


def kept(store: Store, report: Report) -> Report:
    """The report, kept; that it could not be is a note, since patches may be written by now."""
    try:
        store.save_report(report)
    except StoreError as exc:
        return replace(report, notes=(*report.notes, *store.notes, exc.message))
    return replace(report, notes=(*report.notes, *store.notes))
