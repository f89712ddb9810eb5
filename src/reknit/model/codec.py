"""One codec for every value that travels: JSON in, checked value out, and back.

pydantic validates the same dataclasses that the code uses, so there are no twin classes. Bytes travel as base64.
Pydantic is imported at the first call: reading the types costs nothing.
"""

from __future__ import annotations

import functools
from typing import Any, TypeVar

from reknit.errors import UsageError
from reknit.model.fault import Fault
from reknit.model.outcome import Outcome, Report
from reknit.model.patch import Edit, Patch
from reknit.model.signal import ErrorContext, Signal
from reknit.model.verdict import Receipt, Verdict

T = TypeVar("T")

#: Every type that crosses a boundary, by its name on the wire.
WIRE: dict[str, Any] = {
    "signal": Signal,
    "error_context": ErrorContext,
    "fault": Fault,
    "edit": Edit,
    "patch": Patch,
    "verdict": Verdict,
    "receipt": Receipt,
    "outcome": Outcome,
    "report": Report,
}


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def dump(kind: type[T] | Any, value: T) -> Any:
    """`value` as plain JSON data."""
    return _adapter(kind).dump_python(value, mode="json")


def dumps(kind: type[T] | Any, value: T) -> bytes:
    """`value` as JSON text."""
    data: bytes = _adapter(kind).dump_json(value)
    return data


def parse(kind: type[T] | Any, data: Any) -> Any:
    """The value in plain JSON data; `UsageError` (slug `invalid-data`) names what does not fit."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as exc:
        raise _invalid(exc) from exc


def loads(kind: type[T] | Any, text: bytes | str) -> Any:
    """The value in JSON text; `UsageError` (slug `invalid-data`) names what does not fit."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(text)
    except ValidationError as exc:
        raise _invalid(exc) from exc


def _invalid(exc: Any) -> UsageError:
    first = exc.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the value"
    return UsageError(f"invalid data at {where}: {first['msg']}; nothing was read", slug="invalid-data")
