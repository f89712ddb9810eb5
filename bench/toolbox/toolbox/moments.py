"""Points in time, and what lies between them."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator

_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
_PART = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-zµ]+)", re.IGNORECASE)
_SHORT = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "min": 60, "s": 1, "sec": 1, "ms": 0.001, "us": 0.000_001}


def parse_duration(text: str) -> dt.timedelta:
    """"1h 30m", "2 days, 4 hours" or "-90s" as a time span."""
    stripped = text.strip()
    sign = -1 if stripped.startswith("-") else 1
    rest = stripped.lstrip("+-").strip()
    seconds = 0.0
    position = 0
    for match in _PART.finditer(rest):
        between = rest[position : match.start()].strip(" ,")
        if between not in {"", "and"}:
            raise ValueError(f"what is {between!r} in {text!r}?")
        seconds += float(match["number"]) * _seconds(match["unit"].lower())
        position = match.end()
    if position == 0 or rest[position:].strip():
        raise ValueError(f"{text!r} is no duration")
    return dt.timedelta(seconds=sign * seconds)


def _seconds(unit: str) -> float:
    if unit in _SHORT:
        return _SHORT[unit]
    for name, seconds in _UNITS:
        if unit in {name, f"{name}s"}:
            return seconds
    raise ValueError(f"unknown unit {unit!r}")


def format_duration(span: dt.timedelta | float, *, parts: int = 2) -> str:
    """The largest parts of a span, such as "2 days, 1 hour"."""
    seconds = span.total_seconds() if isinstance(span, dt.timedelta) else float(span)
    sign = "-" if seconds < 0 else ""
    left = abs(seconds)
    if left < 1:
        return f"{sign}{left * 1000:.0f} ms" if left else "0 seconds"
    found: list[str] = []
    for name, size in _UNITS:
        count = int(left // size)
        if count and len(found) < parts:
            found.append(f"{count} {name}" + ("s" if count != 1 else ""))
        left -= count * size
    return sign + ", ".join(found)


def relative(moment: dt.datetime, now: dt.datetime) -> str:
    """"3 hours ago", "in 2 days", "just now"."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 10:
        return "just now"
    if abs(seconds) < 172_800 and (moment.date() - now.date()).days in {-1, 1} and abs(seconds) >= 86_400:
        return "yesterday" if seconds < 0 else "tomorrow"
    text = format_duration(abs(seconds), parts=1)
    return f"{text} ago" if seconds < 0 else f"in {text}"


def daterange(start: dt.date, stop: dt.date | None = None, step: int = 1, *, inclusive: bool = False) -> Iterator[dt.date]:
    """Days from `start` to `stop`, every `step` days, backwards where it is negative; without an end for ever."""
    if step == 0:
        raise ValueError("step must not be 0")
    day = start
    delta = dt.timedelta(days=step)
    while stop is None or (day < stop if step > 0 else day > stop) or (inclusive and day == stop):
        yield day
        day += delta


def month_end(day: dt.date) -> dt.date:
    """The last day of its month."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return dt.date(year, month, 1) - dt.timedelta(days=1)


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of another month, or its last where it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    first = dt.date(index // 12, index % 12 + 1, 1)
    return first.replace(day=min(day.day, month_end(first).day))


class Stopwatch:
    """Time that goes on only while it runs."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began: float | None = None
        self._before = 0.0
        self.laps: list[float] = []

    @property
    def running(self) -> bool:
        return self._began is not None

    @property
    def elapsed(self) -> float:
        """Seconds so far."""
        now = self._clock() - self._began if self._began is not None else 0.0
        return self._before + now

    def start(self) -> Stopwatch:
        """Go on; starting twice is once."""
        if self._began is None:
            self._began = self._clock()
        return self

    def stop(self) -> float:
        """Stop; the seconds so far."""
        self._before = self.elapsed
        self._began = None
        return self._before

    def lap(self) -> float:
        """Seconds since the lap before."""
        seconds = self.elapsed - sum(self.laps)
        self.laps.append(seconds)
        return seconds

    def __enter__(self) -> Stopwatch:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
