from __future__ import annotations

import datetime as dt

import pytest

from toolbox.moments import Stopwatch, add_months, daterange, format_duration, month_end, parse_duration, relative

NOW = dt.datetime(2024, 5, 10, 12, 0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h 30m", 5400), ("2 days, 4 hours", 187_200), ("-90s", -90), ("1.5 min and 1ms", 90.001)]
)
def test_parse_duration(text, seconds):
    assert parse_duration(text).total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "3 parsecs", "1h or 2m", "5m!"])
def test_parse_duration_refuses(text):
    with pytest.raises(ValueError):
        parse_duration(text)


def test_format_duration():
    assert format_duration(90_061) == "1 day, 1 hour"
    assert format_duration(dt.timedelta(minutes=-2)) == "-2 minutes"
    assert format_duration(90_061, parts=4) == "1 day, 1 hour, 1 minute, 1 second"
    assert format_duration(0.25) == "250 ms"
    assert format_duration(0) == "0 seconds"


def test_relative():
    assert relative(NOW, NOW) == "just now"
    assert relative(NOW - dt.timedelta(hours=3), NOW) == "3 hours ago"
    assert relative(NOW + dt.timedelta(days=5), NOW) == "in 5 days"
    assert relative(NOW - dt.timedelta(hours=30), NOW) == "yesterday"


def test_daterange():
    first, last = dt.date(2024, 2, 28), dt.date(2024, 3, 1)
    assert [d.day for d in daterange(first, last)] == [28, 29]
    assert [d.day for d in daterange(first, last, inclusive=True)] == [28, 29, 1]
    assert [d.day for d in daterange(last, first, -2)] == [1]


def test_months():
    assert month_end(dt.date(2024, 2, 3)) == dt.date(2024, 2, 29)
    assert month_end(dt.date(2023, 12, 3)) == dt.date(2023, 12, 31)
    assert add_months(dt.date(2024, 1, 31), 1) == dt.date(2024, 2, 29)
    assert add_months(dt.date(2024, 1, 15), -2) == dt.date(2023, 11, 15)


class TestStopwatch:
    def test_it_goes_on_only_while_it_runs(self, clock):
        watch = Stopwatch(clock)
        with watch:
            clock.forward(2)
            assert watch.running
        clock.forward(5)
        watch.start().start()
        clock.forward(1)
        assert watch.stop() == 3
        assert not watch.running

    def test_laps(self, clock):
        watch = Stopwatch(clock).start()
        clock.forward(2)
        assert watch.lap() == 2
        clock.forward(3)
        assert watch.lap() == 3
