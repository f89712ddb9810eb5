"""What the shell offers behind a verb. Reads reknit's own state; runs, changes and says nothing."""

from __future__ import annotations

from reknit.apply.base import standing
from reknit.apply.journal import Journal
from reknit.config import Options, find_root
from reknit.errors import ReknitError
from reknit.sandbox.base import Level
from reknit.store.db import Store
from reknit.store.place import project_state


def patches(options: Options, start: str) -> list[tuple[str, str]]:
    """Ids of what the last run proposed, each with what it does."""
    try:
        path = project_state(find_root(options.project), options.state_dir) / "store.db"
        if not path.exists():
            return []
        with Store.open(path) as store:
            found = store.latest_proposed()
    except ReknitError:
        return []
    return [(f.patch.id, f.patch.origin.note) for f in found if f.patch.id.startswith(start)]


def receipts(options: Options, start: str, *, applied: bool) -> list[tuple[str, str]]:
    """Receipt ids of applications that are in force, or of those that are not, newest first, each with its files."""
    try:
        root = find_root(options.project)
        acts = Journal(root, project_state(root, options.state_dir)).history()
    except ReknitError:
        return []
    files = {act.target: ", ".join(act.receipt.patch.files) for act in acts}
    wanted = [key for key, on in standing(acts).items() if on is applied and key.startswith(start)]
    return [(key, files[key]) for key in reversed(wanted)]


def isolations(start: str) -> list[str]:
    """Names of isolation levels."""
    return [level.value for level in Level if level.value.startswith(start)]
