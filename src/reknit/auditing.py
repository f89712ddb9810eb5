"""What a run does, told to the ledger; to nobody where none is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from reknit.apply.base import Act
from reknit.config import Options
from reknit.errors import StoreError
from reknit.ledger import Event, Fact, Ledger
from reknit.redaction import Redaction

_ACTS: Mapping[str, Event] = {"apply": Event.APPLIED, "undo": Event.TAKEN_BACK, "redo": Event.AGAIN}


class Audit:
    """The ledger of one project, as a run writes to it; `must`: nothing is to be done that could not be written first."""

    def __init__(self, ledger: Ledger | None, *, must: bool, tell: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._must = must
        self._tell = tell

    @classmethod
    def of(cls, options: Options, state: Path, tell: Callable[[str], None]) -> Self:
        """As `options` say; `tell` hears why something could not be written."""
        ledger = Ledger(state, redact=Redaction({**os.environ, **options.env})) if options.audited else None
        return cls(ledger, must=options.strict_policies, tell=tell)

    def note(self, event: Event, **facts: Fact) -> None:
        """Write what has happened; that it cannot be is told, and stops nothing."""
        try:
            self._write(event, facts)
        except StoreError as exc:
            self._tell(exc.message)

    def first(self, event: Event, **facts: Fact) -> None:
        """Write what is to happen; under strict policies, `StoreError` where that cannot be."""
        try:
            self._write(event, facts)
        except StoreError as exc:
            if self._must:
                raise
            self._tell(exc.message)

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

    def _write(self, event: Event, facts: Mapping[str, Fact]) -> None:
        if self._ledger is not None:
            self._ledger.write(event, **facts)
