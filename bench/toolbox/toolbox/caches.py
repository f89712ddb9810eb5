"""Results kept for later, with an end."""

from __future__ import annotations

import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_MISSING: Any = object()


class LRU(MutableMapping[Hashable, Any]):
    """At most `size` items; what was not asked for longest goes first."""

    def __init__(self, size: int, *, on_miss: Callable[[Hashable], Any] | None = None) -> None:
        if size < 1:
            raise ValueError("size must be at least 1")
        self.size = size
        self.hits = 0
        self.misses = 0
        self._on_miss = on_miss
        self._items: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()

    def __getitem__(self, key: Hashable) -> Any:
        with self._lock:
            if key in self._items:
                self.hits += 1
                self._items.move_to_end(key)
                return self._items[key]
            self.misses += 1
            if self._on_miss is None:
                raise KeyError(key)
            value = self._on_miss(key)
            self[key] = value
            return value

    def __setitem__(self, key: Hashable, value: Any) -> None:
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self.size:
                self._items.popitem(last=False)

    def __delitem__(self, key: Hashable) -> None:
        with self._lock:
            del self._items[key]

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[Hashable]:
        return iter(list(self._items))

    def __len__(self) -> int:
        return len(self._items)

    @property
    def hit_rate(self) -> float:
        """Hits of all questions."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0


class TTL(MutableMapping[Hashable, Any]):
    """Items that are gone `seconds` after they were put in."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._items: dict[Hashable, tuple[float, Any]] = {}

    def __getitem__(self, key: Hashable) -> Any:
        until, value = self._items[key]
        if self._clock() >= until:
            del self._items[key]
            raise KeyError(key)
        return value

    def __setitem__(self, key: Hashable, value: Any) -> None:
        self._items[key] = (self._clock() + self.seconds, value)

    def __delitem__(self, key: Hashable) -> None:
        del self._items[key]

    def __iter__(self) -> Iterator[Hashable]:
        self.expire()
        return iter(list(self._items))

    def __len__(self) -> int:
        self.expire()
        return len(self._items)

    def expire(self) -> int:
        """Forget what is too old; how many."""
        now = self._clock()
        old = [key for key, (until, _) in self._items.items() if now >= until]
        for key in old:
            del self._items[key]
        return len(old)


def make_key(args: tuple[Any, ...], kwargs: dict[str, Any], *, typed: bool = False) -> Hashable:
    """A key for a call; with `typed`, 1 and 1.0 differ."""
    key: list[Any] = list(args)
    for name in sorted(kwargs):
        key += [name, kwargs[name]]
    if typed:
        key += [type(value) for value in (*args, *kwargs.values())]
    return tuple(key)


def memoize(function: F | None = None, *, cache: MutableMapping[Any, Any] | None = None, typed: bool = False) -> Any:
    """Keep a function's results by its arguments; calls that cannot be hashed are made each time."""
    if function is None:
        return functools.partial(memoize, cache=cache, typed=typed)
    results: MutableMapping[Any, Any] = {} if cache is None else cache

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        key = make_key(args, kwargs, typed=typed)
        try:
            found = results.get(key, _MISSING)
        except TypeError:
            return function(*args, **kwargs)
        if found is _MISSING:
            found = results[key] = function(*args, **kwargs)
        return found

    wrapper.cache = results  # type: ignore[attr-defined]
    return wrapper


class cached_method:  # noqa: N801 - used as a decorator
    """A method whose results are kept on its object."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        functools.update_wrapper(self, function)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_cached_{name}"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        results = instance.__dict__.setdefault(self._name, {})

        @functools.wraps(self._function)
        def bound(*args: Any, **kwargs: Any) -> Any:
            key = make_key(args, kwargs)
            if key not in results:
                results[key] = self._function(instance, *args, **kwargs)
            return results[key]

        return bound
