from __future__ import annotations

import pytest

from toolbox.caches import LRU, TTL, cached_method, make_key, memoize


class TestLRU:
    def test_the_oldest_goes_first(self):
        cache = LRU(2)
        cache["a"], cache["b"] = 1, 2
        assert cache["a"] == 1
        cache["c"] = 3
        assert list(cache) == ["a", "c"]

    def test_misses_are_made_up_for(self):
        cache = LRU(5, on_miss=lambda key: key * 2)
        assert [cache[2], cache[2], cache[3]] == [4, 4, 6]
        assert (cache.hits, cache.misses) == (1, 2)
        assert cache.hit_rate == pytest.approx(1 / 3)

    def test_it_has_room_for_something(self):
        with pytest.raises(ValueError, match="at least 1"):
            LRU(0)


def test_ttl(clock):
    cache = TTL(10, clock)
    cache["a"] = 1
    clock.forward(6)
    cache["b"] = 2
    clock.forward(4)
    assert "a" not in cache
    assert cache["b"] == 2
    clock.forward(10)
    assert len(cache) == 0


def test_keys_of_calls():
    assert make_key((1,), {"b": 2, "a": 1}) == (1, "a", 1, "b", 2)
    assert make_key((1,), {}) == make_key((1.0,), {})
    assert make_key((1,), {}, typed=True) != make_key((1.0,), {}, typed=True)


def test_memoize():
    calls = []

    @memoize(cache=LRU(10))
    def double(value, *, times=1):
        calls.append(value)
        return value * 2 * times

    assert [double(2), double(2), double(2, times=2)] == [4, 4, 8]
    assert calls == [2, 2]
    assert double([1]) == [1, 1]
    assert double.__name__ == "double"


def test_cached_method():
    class Circle:
        def __init__(self, radius):
            self.radius = radius
            self.asked = 0

        @cached_method
        def area(self, pi=3):
            self.asked += 1
            return pi * self.radius**2

    small, big = Circle(1), Circle(2)
    assert [small.area(), small.area(), big.area(), small.area(4)] == [3, 3, 12, 4]
    assert (small.asked, big.asked) == (2, 1)
