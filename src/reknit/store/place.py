"""Where the state of a project lives: with the user, never in the repository, whose files may be hostile."""

from __future__ import annotations

import hashlib
from pathlib import Path

from reknit.errors import UsageError


def project_state(root: Path, base: Path | None = None) -> Path:
    """The folder for the state of the project at `root`, not made yet; `base` replaces the user's own state folder."""
    if base is None:
        import platformdirs

        base = platformdirs.user_state_path("reknit")
    real, base = root.resolve(), base.resolve()
    if base.is_relative_to(real):
        message = f"the state folder {base} lies inside the project; nothing in it was read"
        hint = "set REKNIT_STATE_DIR to a folder that the project's files cannot be put into"
        raise UsageError(message, slug="state-inside-project", hint=hint)
    key = hashlib.sha256(str(real).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return base / "projects" / key
