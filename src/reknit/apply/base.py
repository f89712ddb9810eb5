"""What the journal remembers of a change, and what it says after a crash."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from reknit.model.patch import Entry
from reknit.model.verdict import Receipt

#: Path → what is there; None where nothing is.
Images = Mapping[str, Entry | None]

Verb = Literal["apply", "undo", "redo"]


def digest(entry: Entry | None) -> str:
    """`Entry.digest`, or "" where nothing is: equal for what a reader of the tree cannot tell apart."""
    return entry.digest() if entry else ""


def same(one: Entry | None, other: Entry | None) -> bool:
    """Whether a reader of the tree cannot tell the two apart: as by `digest`, without the cost of one."""
    if one is None or other is None:
        return one is other
    alike = one.is_link == other.is_link and one.content == other.content
    return alike and (one.is_link or stat.S_IMODE(one.mode) == stat.S_IMODE(other.mode))


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One change of the tree: a patch applied, taken back, or applied again."""

    #: Counts the acts of a project from 1.
    number: int
    verb: Verb
    #: Receipt id of the application that is undone or redone; its own for "apply".
    target: str
    #: Its patch holds the edits as they were written, which for "undo" are the inverse ones.
    receipt: Receipt
    before: Images
    #: Has the keys of `before`.
    after: Images
    #: Folders that did not exist before, outermost first.
    made: tuple[str, ...] = ()
    #: Folders to remove when they are left empty, outermost first: those that the act taken back had made.
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the name of a record says of its act."""

    name: str
    number: int
    verb: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """An act that a crash cut short, and what became of it."""

    #: Receipt id; "" for a record that cannot be read.
    id: str
    #: "set aside": somebody changed a file meanwhile, so nothing was written.
    ending: Literal["rolled back", "completed", "set aside"]
    #: One line for people.
    note: str


def standing(acts: Iterable[Act | Head]) -> dict[str, bool]:
    """Receipt id of each application, oldest first → whether it is in force."""
    return {act.target: act.verb != "undo" for act in acts}
