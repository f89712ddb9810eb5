"""Points in time that mean the same everywhere."""

from __future__ import annotations

import datetime as dt

from reknit.errors import UsageError


def check_instant(at: dt.datetime, what: str) -> None:
    """Refuse a time without an offset, or with one that RFC 3339 cannot write (seconds in it)."""
    offset = at.utcoffset()
    if offset is None or offset % dt.timedelta(minutes=1):
        raise UsageError(
            f"{what} {at.isoformat()} has no offset from UTC in whole minutes; nothing was made of it", slug="time"
        )
