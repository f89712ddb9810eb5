"""What the shell offers behind a verb. Reads reknit's own state; runs, changes and says nothing."""

from __future__ import annotations

import re

from reknit.apply.base import standing
from reknit.apply.journal import Journal
from reknit.config import Options, find_root
from reknit.errors import ReknitError
from reknit.sandbox.base import Level
from reknit.store.db import Store
from reknit.store.place import project_state

#: A shell evaluates what it is offered: zsh expands `$(…)` even within quotes that are escaped.
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 _./,+-]+")
_ID = re.compile(r"[A-Za-z0-9-]+")
_SHOWN = 80


def patches(options: Options, start: str) -> list[tuple[str, str]]:
    """Ids of what the last run proposed, each with the kind of its edit and its files."""
    try:
        path = project_state(find_root(options.project), options.state_dir) / "store.db"
        with Store.look(path) as store:
            found = [f.patch for f in store.latest_proposed()]
    except (ReknitError, OSError, ValueError):
        return []
    return [_offered(p.id, f"{p.origin.operator}, {', '.join(p.files)}") for p in found if _fits(p.id, start)]


def receipts(options: Options, start: str, *, applied: bool) -> list[tuple[str, str]]:
    """Receipt ids of applications that are in force, or of those that are not, newest first, each with its files."""
    try:
        root = find_root(options.project)
        acts = Journal(root, project_state(root, options.state_dir)).history()
    except (ReknitError, OSError, ValueError):
        return []
    files = {act.target: ", ".join(act.receipt.patch.files) for act in acts}
    wanted = [key for key, on in standing(acts).items() if on is applied and _fits(key, start)]
    return [_offered(key, files[key]) for key in reversed(wanted)]


def isolations(start: str) -> list[str]:
    """Names of isolation levels."""
    return [level.value for level in Level if level.value.startswith(start)]


def _fits(key: str, start: str) -> bool:
    return key.startswith(start) and _ID.fullmatch(key) is not None


def _offered(key: str, words: str) -> tuple[str, str]:
    """An id with plain words only: names of files come with the repository."""
    return key, _NOT_PLAIN.sub("-", words)[:_SHOWN]
