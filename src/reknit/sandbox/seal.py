"""Whether files are still what they were, seen from outside of the job: standard library only, for the launcher.

A job that rewrites a file and puts it back can set its times back too, but not the time of its last change of state.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

#: None where nothing is, or nothing can be seen.
Identity = tuple[int, ...] | None


def identities(root: str, paths: Sequence[str]) -> list[Identity]:
    """What tells a file from any other, and from itself after a change; links are not followed."""
    return [_identity(os.path.join(root, path)) for path in paths]


def _identity(path: str) -> Identity:
    try:
        seen = os.lstat(path)
    except OSError:
        return None
    return (seen.st_mode, seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
