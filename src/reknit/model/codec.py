"""One codec for every value that travels: JSON in, checked value out, and back.

pydantic validates the same dataclasses that the code uses, so there are no twin classes. Bytes travel as base64.
Pydantic is imported at the first call: reading the types costs nothing.

Text may hold lone surrogates (a file name or a message that is not UTF-8, from `os.fsdecode`). Python's own JSON writes
them as escapes and reads them back, so any string round-trips and the text stays ASCII. Pydantic's JSON mode refuses
them in values and replaces them in keys, so only its Python mode is used here.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
import functools
import json
from collections.abc import Mapping
from typing import Any

from reknit.errors import UsageError
from reknit.model.fault import Fault
from reknit.model.outcome import Outcome, Report
from reknit.model.patch import Edit, Patch
from reknit.model.signal import ErrorContext, Signal
from reknit.model.verdict import Receipt, Verdict

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


#: Most values that are met.
_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def dump(kind: Any, value: Any) -> Any:
    """`value` as plain JSON data."""
    return _plain(_adapter(kind).dump_python(value))


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is dict:
        return {key: _plain(item) for key, item in value.items()}
    if kind is bytes:
        return base64.urlsafe_b64encode(value).decode("ascii")  # the alphabet that pydantic reads
    match value:
        case list() | tuple():
            return [_plain(item) for item in value]
        case dt.date():  # a moment too
            return value.isoformat()
        case enum.Enum():
            return value.value
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def dumps(kind: Any, value: Any) -> bytes:
    """`value` as JSON text in ASCII; ValueError for a number that is not finite."""
    return json.dumps(dump(kind, value), allow_nan=False, separators=(",", ":")).encode()


def parse(kind: Any, data: Any) -> Any:
    """The value in plain JSON data; `UsageError` (slug `invalid-data`) names what does not fit."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as exc:
        raise _invalid(exc) from exc


def loads(kind: Any, text: bytes | str) -> Any:
    """The value in JSON text; `UsageError` (slug `invalid-data`) names what does not fit."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"invalid JSON: {exc}; nothing was read", slug="invalid-data") from exc
    return parse(kind, data)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _invalid(exc: Any) -> UsageError:
    first = exc.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the value"
    return UsageError(f"invalid data at {where}: {first['msg']}; nothing was read", slug="invalid-data")
