"""Where the state of a project lives: with the user, never in the repository, whose files may be hostile."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from reknit.errors import UsageError

#: The file that says whose state a folder has: the project's real path.
_NOTE = "project"
_MOST_BYTES = 1 << 16


def project_state(root: Path, base: Path | None = None) -> Path:
    """The folder for the state of the project at `root`, not made yet; `base` replaces the user's own state folder."""
    real, base = root.resolve(), state_base(base)
    if base.is_relative_to(real):
        message = f"the state folder {base} lies inside the project; nothing in it was read"
        hint = "set REKNIT_STATE_DIR to a folder that the project's files cannot be put into"
        raise UsageError(message, slug="state-inside-project", hint=hint)
    return base / "projects" / _key(_bytes(real))


def state_base(base: Path | None = None) -> Path:
    """The folder for the state of all projects; `base` replaces the user's own."""
    if base is None:
        import platformdirs

        base = platformdirs.user_state_path("reknit")
    return base.resolve()


def note_project(root: Path, state: Path) -> None:
    """Say in a state folder that is there whose it is, unless it says so; that it could not be is of no consequence."""
    with contextlib.suppress(OSError):
        if not (note := state / _NOTE).exists():
            new = state / f"{_NOTE}.new"
            new.write_bytes(_bytes(root.resolve()))
            new.chmod(0o600)
            new.replace(note)


def noted_project(state: Path) -> Path | None:
    """Whose state a folder has; None where it does not say so, or says what its name denies."""
    try:
        with (state / _NOTE).open("rb") as file:
            raw = file.read(_MOST_BYTES)
    except OSError:
        return None
    return Path(raw.decode("utf-8", "surrogateescape")) if _key(raw) == state.name else None


def _bytes(real: Path) -> bytes:
    return str(real).encode("utf-8", "surrogateescape")


def _key(real: bytes) -> str:
    return hashlib.sha256(real).hexdigest()[:16]
