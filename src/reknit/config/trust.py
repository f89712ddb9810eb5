"""Which project's file the user trusts: the hash of its content, kept in the user's own state folder."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path

from reknit.config.files import ConfigFile
from reknit.errors import StoreError

_PIN = "trust.json"


class Trust(StrEnum):
    """What the user has said about a file."""

    NONE = "none"
    #: Of another content of it.
    CHANGED = "changed"
    PINNED = "pinned"


def trust_in(file: ConfigFile, state: Path) -> Trust:
    """Whether exactly this content is pinned in the project's state folder; a record that is no record pins nothing."""
    try:
        record = json.loads((state / _PIN).read_bytes())
    except (OSError, ValueError, RecursionError):
        return Trust.NONE
    if not isinstance(record, dict) or record.get("file") != file.path.name:
        return Trust.NONE
    return Trust.PINNED if record.get("sha256") == file.sha256 else Trust.CHANGED


def pin(file: ConfigFile, state: Path) -> None:
    """Trust this content of the file, and no other; `StoreError` where that cannot be kept."""
    new = state / f"{_PIN}.new"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text(json.dumps({"file": file.path.name, "sha256": file.sha256}))
        new.replace(state / _PIN)
    except OSError as exc:
        raise _unwritable(state, exc) from exc


def revoke(state: Path) -> bool:
    """Trust no file of the project any more; whether one was trusted. `StoreError` where that cannot be kept."""
    try:
        (state / _PIN).unlink()
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise _unwritable(state, exc) from exc
    return True


def _unwritable(state: Path, exc: OSError) -> StoreError:
    message = f"what is trusted cannot be kept in {state}: {exc.strerror}; it is as it was"
    return StoreError(message, slug="trust-unwritable", hint="set REKNIT_STATE_DIR to a folder that you can write to")
