"""All that is wrong with the files of settings, not only what a run would end with first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reknit.config.files import named_file, project_file
from reknit.config.load import load, users_file
from reknit.config.toml import UnfitError
from reknit.errors import UsageError


def mistakes_of(path: Path) -> tuple[UsageError, ...]:
    """What is wrong in one file, which is read as a project's or a user's would be."""
    return tuple(_said_by(lambda: named_file(path)))


def mistakes(
    root: Path, *, flags: Mapping[str, object], environ: Mapping[str, str], state: Path
) -> tuple[tuple[UsageError, ...], tuple[str, ...]]:
    """What is wrong in the files that hold for a project, or in variables; and the notes of a run there."""
    found = [*_said_by(lambda: users_file(root, environ)), *_said_by(lambda: project_file(root))]
    notes: list[str] = []
    if not found:
        found += _said_by(lambda: notes.extend(load(root, flags=flags, environ=environ, state=state).notes))
    return tuple(found), tuple(notes)


def _said_by(read: Callable[[], object]) -> Iterator[UsageError]:
    try:
        read()
    except UnfitError as exc:
        yield from exc.mistakes
    except UsageError as exc:
        yield exc
