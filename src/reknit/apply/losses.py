"""What a file loses by being replaced, or removed and made again, that no undo brings back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

#: Set by the system itself on every file.
_AUTOMATIC = frozenset({"security.selinux", "security.evm", "security.ima", "com.apple.provenance"})
#: Only root may give it.
_CAPABILITY = "security.capability"


def losses(state: os.stat_result, attributes: Sequence[str], *, removed: bool) -> Iterator[str]:
    """In words, each to be said of the file; `removed`: nothing will be there that an undo could take it from."""
    ours, own = os.geteuid(), {os.getegid(), *os.getgroups()}
    if state.st_nlink > 1:
        yield f"it is one of {state.st_nlink} hard links, and the others keep what is in it now"
    may_give = ours == 0 and not removed
    if not may_give and (state.st_uid != ours or state.st_gid not in own):
        yield f"its owner is {state.st_uid}:{state.st_gid}, which you cannot give to a file"
    kept = set() if removed else set(attributes) - ({_CAPABILITY} if ours else set())
    if lost := sorted(set(attributes) - kept - _AUTOMATIC):
        yield f"it has extended attributes: {', '.join(lost)}"


def declared(paths: Iterable[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Of each path that one of the patterns means, that the user has said that its changes reach outside."""
    hits = ((path, next((p for p in patterns if fnmatchcase(path, p)), None)) for path in paths)
    return tuple(f"{path}: its changes reach outside of the files ({pattern})" for path, pattern in hits if pattern)
