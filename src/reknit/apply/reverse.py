"""Taking one act back though others, and the user, came after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reknit.apply.base import Act, Images
from reknit.apply.carry import carry
from reknit.apply.difference import difference
from reknit.model.patch import Edit, Entry, invert

Read = Callable[[Iterable[str]], Mapping[str, Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Later:
    """Edits made after the act: an act's, or with target None a person's."""

    target: str | None
    edits: tuple[Edit, ...]


def reverse(acts: Sequence[Act], index: int, read: Read) -> tuple[Edit, ...] | None:
    """Edits that take `acts[index]` back in the tree as `read` finds it; None if later edits touch the same places."""
    later = _cancel(_since(acts, index, read))
    edits: tuple[Edit, ...] | None = invert(acts[index].receipt.patch.edits)
    for other in later or ():
        edits = None if edits is None else carry(edits, other.edits, inferred=other.target is None)
    return None if later is None else edits


def _since(acts: Sequence[Act], index: int, read: Read) -> list[_Later]:
    """What was done to the act's files after it, oldest first; acts on other files are left out."""
    known = dict(acts[index].after)
    later: list[_Later] = []
    for act in acts[index + 1 :]:
        if known.keys() & act.before.keys():
            later += _by_hand(known, act.before)
            later.append(_Later(target=act.target, edits=act.receipt.patch.edits))
            known.update(act.after)
    found = read(known)
    return later + _by_hand(known, {path: found.get(path) for path in known})


def _by_hand(known: Images, found: Images) -> list[_Later]:
    paths = sorted(known.keys() & found.keys())
    edits = tuple(edit for path in paths for edit in difference(path, known[path], found[path]))
    return [_Later(target=None, edits=edits)] if edits else []


def _cancel(later: Iterable[_Later]) -> list[_Later] | None:
    """`later` without what was done and taken back again; None if that cannot be taken out."""
    result: list[_Later] = []
    for step in later:
        same = [at for at, other in enumerate(result) if step.target and other.target == step.target]
        if not same:
            result.append(step)
            continue
        rest = _without(result[same[0]], result[same[0] + 1 :])
        if rest is None:
            return None
        result[same[0] :] = rest
    return result


def _without(gone: _Later, later: Iterable[_Later]) -> list[_Later] | None:
    """`later` as if `gone`, just before it, had not been."""
    inverse: tuple[Edit, ...] | None = invert(gone.edits)
    rest: list[_Later] = []
    for step in later:
        by_hand = step.target is None
        edits = None if inverse is None else carry(step.edits, inverse, inferred=by_hand)
        inverse = None if inverse is None else carry(inverse, step.edits, inferred=by_hand)
        if edits is None:
            return None
        rest.append(replace(step, edits=edits))
    return rest
