"""What a run does, told to the ledger; to nobody where none is kept."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

from reknit.apply.base import Act
from reknit.config import Options
from reknit.errors import StoreError
from reknit.events import Observer, Progress, ignore
from reknit.ledger import Event, Fact, Ledger
from reknit.model.outcome import Report
from reknit.model.patch import Patch
from reknit.model.verdict import CheckStatus, Verdict
from reknit.redaction import Redaction
from reknit.store.controls import Change

_ACTS: Mapping[str, Event] = {"apply": Event.APPLIED, "undo": Event.TAKEN_BACK, "redo": Event.AGAIN}


class Audit:
    """The ledger of one project, as a run writes to it; `must`: nothing is to be done that could not be written first."""

    def __init__(self, ledger: Ledger | None, *, must: bool, observe: Observer) -> None:
        self._ledger = ledger
        self._must = must
        self._observe = observe

    @classmethod
    def of(cls, options: Options, state: Path, observe: Observer) -> Self:
        """As `options` say; `observe` hears why something could not be written."""
        ledger = Ledger(state, redact=Redaction({**os.environ, **options.env})) if options.audited else None
        return cls(ledger, must=options.strict_policies, observe=observe)

    def note(self, event: Event, **facts: Fact) -> None:
        """Write what has happened; that it cannot be is told, and stops nothing."""
        try:
            self._write(event, facts)
        except StoreError as exc:
            self._observe(Progress(stage="apply", text=f"note: {exc.message}"))

    def first(self, event: Event, **facts: Fact) -> None:
        """Write what is to happen; under strict policies, `StoreError` where that cannot be."""
        if self._must:
            self._write(event, facts)
        else:
            self.note(event, **facts)

    @contextlib.contextmanager
    def heal(self, options: Options) -> Iterator[Callable[[Report], Report]]:
        """Write when a heal begins, with what of its settings is loose, and how it ends: what is yielded is told."""
        self.first(
            Event.HEAL_BEGAN,
            isolation=options.isolation or "the best",
            apply=options.apply,
            strict=options.strict_policies,
        )
        if self._ledger is not None:
            from reknit.config.looser import looser  # what has no ledger does not need the parser

            if loose := looser(options):
                self.note(Event.LOOSENED, settings=loose)
        facts: dict[str, Fact] = {}

        def ended(report: Report) -> Report:
            counted = Counter(row.outcome.tag for row in report.rows)
            facts.update(outcomes=[f"{count} {tag}" for tag, count in sorted(counted.items())], held=report.held)
            return report

        try:
            yield ended
        except BaseException as exc:
            facts["error"] = getattr(exc, "slug", type(exc).__name__)
            raise
        finally:
            self.note(Event.HEAL_ENDED, **facts)

    def judged(self, patch: Patch, verdict: Verdict) -> None:
        """Write the gate's word on a patch."""
        if verdict.passed:
            self.note(Event.PROPOSED, patch=patch.id, files=patch.files, label=verdict.label, heals=verdict.heals)
            return
        failed = [check.check for check in verdict.checks if check.status is CheckStatus.FAILED]
        self.note(Event.REFUSED, patch=patch.id, files=patch.files, checks=failed)

    def act(self, act: Act) -> None:
        """Write what was done to the project's files."""
        receipt = act.receipt
        self.note(
            _ACTS[act.verb],
            receipt=act.target,
            patch=receipt.patch.id,
            files=receipt.patch.files,
            labels=[str(verdict.label) for verdict in receipt.verdicts],
            reason=receipt.reason,
        )

    def change(self, change: Change) -> None:
        """Write that a breaker changed."""
        self.note(Event.BREAKER, name=change.name, before=change.before, after=change.after, reason=change.reason)

    def _write(self, event: Event, facts: Mapping[str, Fact]) -> None:
        if self._ledger is not None:
            self._ledger.write(event, **facts)


#: Of what has no ledger.
SILENT = Audit(None, must=False, observe=ignore)
