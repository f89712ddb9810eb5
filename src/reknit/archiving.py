"""What was done to the tree, told to the archive, which keeps it for people; the journal does not depend on it."""

from __future__ import annotations

from collections.abc import Callable

from reknit.apply.base import Act
from reknit.lang.git_diff import git_diff
from reknit.store.archive import ArchiveEntry, entry_of

#: Keeps an entry; why it could not be kept, which stops nothing.
Keep = Callable[[ArchiveEntry], str | None]


def archiving(keep: Keep, tell: Callable[[str], None], audit: Callable[[Act], None]) -> Callable[[Act], None]:
    """Keeps an act, and tells `audit` of it; `tell` hears why it could not be kept."""

    def done(act: Act) -> None:
        audit(act)
        note = keep(entry_of(act.verb, act.receipt, git_diff(act.before, act.after)))
        if note is not None:
            tell(note)

    return done
