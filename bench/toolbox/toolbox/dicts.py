"""Mappings that know more than one thing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

_MISSING: Any = object()


class FrozenDict(Mapping[Any, Any]):
    """A mapping that never changes, and so has a hash."""

    __slots__ = ("_hash", "_items")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._items = dict(*args, **kwargs)
        self._hash: int | None = None

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._items.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"

    def updated(self, *args: Any, **kwargs: Any) -> FrozenDict:
        """A new one with more or other items."""
        items = dict(self._items)
        items.update(*args, **kwargs)
        return type(self)(items)


class OneToOne(MutableMapping[Hashable, Hashable]):
    """A mapping that can be asked both ways: no two keys have one value."""

    def __init__(self, items: Mapping[Hashable, Hashable] | Iterable[tuple[Hashable, Hashable]] = ()) -> None:
        self._forward: dict[Hashable, Hashable] = {}
        self._backward: dict[Hashable, Hashable] = {}
        self.update(items)

    def __getitem__(self, key: Hashable) -> Hashable:
        return self._forward[key]

    def __setitem__(self, key: Hashable, value: Hashable) -> None:
        if key in self._forward:
            del self._backward[self._forward[key]]
        if value in self._backward:
            del self._forward[self._backward[value]]
        self._forward[key] = value
        self._backward[value] = key

    def __delitem__(self, key: Hashable) -> None:
        del self._backward[self._forward.pop(key)]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._forward)

    def __len__(self) -> int:
        return len(self._forward)

    @property
    def inverse(self) -> dict[Hashable, Hashable]:
        """Value → key."""
        return dict(self._backward)


class MultiDict(MutableMapping[Any, Any]):
    """Several values a key, in order; indexing gives the last."""

    def __init__(self, items: Iterable[tuple[Any, Any]] = ()) -> None:
        self._values: dict[Any, list[Any]] = {}
        for key, value in items:
            self.add(key, value)

    def add(self, key: Any, value: Any) -> None:
        """One value more."""
        self._values.setdefault(key, []).append(value)

    def all(self, key: Any) -> list[Any]:
        """Every value of a key, none where it is unknown."""
        return list(self._values.get(key, ()))

    def __getitem__(self, key: Any) -> Any:
        return self._values[key][-1]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values[key] = [value]

    def __delitem__(self, key: Any) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Every key with every value of it."""
        return ((key, value) for key, values in self._values.items() for value in values)

    def inverted(self) -> MultiDict:
        """Values as keys."""
        return type(self)((value, key) for key, value in self.pairs())


class Counts(dict[Any, int]):
    """How often things were seen; what falls to nothing is forgotten."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__()
        for item in items:
            self.add(item)

    def __missing__(self, key: Any) -> int:
        return 0

    def add(self, key: Any, times: int = 1) -> int:
        """Count something; the new count."""
        count = self[key] + times
        if count > 0:
            self[key] = count
        else:
            self.pop(key, None)
            count = 0
        return count

    def most(self, number: int | None = None) -> list[tuple[Any, int]]:
        """The most frequent first; of equals, the one seen first."""
        ranked = sorted(self.items(), key=lambda item: -item[1])
        return ranked if number is None else ranked[:number]

    def share(self, key: Any) -> float:
        """Which part of all was this."""
        total = sum(self.values())
        return self[key] / total if total else 0.0


def deep_get(data: Any, path: str, default: Any = _MISSING) -> Any:
    """What lies at a path like "a.b.0.c" in nested mappings and lists; `KeyError` names how far one gets."""
    found = data
    done: list[str] = []
    for part in path.split("."):
        try:
            if isinstance(found, Mapping):
                found = found[part]
            elif isinstance(found, (list, tuple)):
                found = found[int(part)]
            else:
                raise KeyError(part)
        except (KeyError, IndexError, ValueError):
            if default is not _MISSING:
                return default
            where = ".".join(done) or "the top"
            raise KeyError(f"no {part!r} in {where}") from None
        done.append(part)
    return found


def deep_merge(first: Mapping[str, Any], *others: Mapping[str, Any], lists: str = "replace") -> dict[str, Any]:
    """Mappings laid over each other; of two lists the later wins, or with "extend" follows."""
    merged = dict(first)
    for other in others:
        for key, value in other.items():
            old = merged.get(key)
            if isinstance(old, Mapping) and isinstance(value, Mapping):
                merged[key] = deep_merge(old, value, lists=lists)
            elif lists == "extend" and isinstance(old, list) and isinstance(value, list):
                merged[key] = [*old, *value]
            else:
                merged[key] = value
    return merged
