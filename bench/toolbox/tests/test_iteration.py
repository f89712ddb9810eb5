from __future__ import annotations

import pytest

from toolbox.iteration import chunked, flatten, one, partition, peekable, unique, windowed


@pytest.mark.parametrize(
    ("size", "expected"),
    [(1, [[1], [2], [3], [4], [5]]), (2, [[1, 2], [3, 4], [5]]), (9, [[1, 2, 3, 4, 5]])],
)
def test_chunked(size, expected):
    assert list(chunked([1, 2, 3, 4, 5], size)) == expected


def test_chunked_fills_the_last():
    assert list(chunked("abcd", 3, fill="-")) == [["a", "b", "c"], ["d", "-", "-"]]
    with pytest.raises(ValueError, match="at least 1"):
        list(chunked([], 0))


def test_windowed():
    assert list(windowed(range(5), 3)) == [(0, 1, 2), (1, 2, 3), (2, 3, 4)]
    assert list(windowed(range(6), 2, step=2)) == [(0, 1), (2, 3), (4, 5)]
    assert list(windowed([1], 2)) == []


def test_flatten():
    nested = [1, [2, (3, [4])], "five", {"six": 6}]
    assert list(flatten(nested)) == [1, 2, 3, 4, "five", {"six": 6}]
    assert list(flatten(nested, depth=1)) == [1, 2, (3, [4]), "five", {"six": 6}]


def test_unique():
    assert list(unique([3, 1, 3, 2, 1])) == [3, 1, 2]
    assert list(unique(["a", "B", "A"], key=str.lower)) == ["a", "B"]
    assert list(unique([[1], [1], [2]])) == [[1], [2]]


def test_partition():
    assert partition(lambda n: n > 2, [1, 2, 3, 4]) == ([1, 2], [3, 4])


def test_one():
    assert one([7]) == 7
    assert one([], default=None) is None
    with pytest.raises(ValueError, match="no item"):
        one([])
    with pytest.raises(ValueError, match="more than one"):
        one([1, 2])


class TestPeekable:
    def test_peeking_takes_nothing(self):
        items = peekable("abc")
        assert items.peek() == "a"
        assert items.peek(offset=2) == "c"
        assert items.peek("none", offset=3) == "none"
        assert list(items) == ["a", "b", "c"]

    def test_it_is_false_at_the_end(self):
        items = peekable([0])
        assert items
        next(items)
        assert not items

    def test_items_can_be_put_back(self):
        items = peekable([3])
        items.prepend(1, 2)
        assert list(items) == [1, 2, 3]
