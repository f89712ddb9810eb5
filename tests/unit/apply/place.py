"""A project for tests, with a journal of its own."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from reknit.apply.carry import based
from reknit.apply.journal import Journal
from reknit.apply.tree import read
from reknit.model.patch import Edit, Entry, Metadata, Origin, Patch, Span

#: In memory where there is such a folder: what is synced here need not outlive the machine, and many tests sync a lot.
_MEMORY = next((folder for folder in ("/dev/shm",) if os.access(folder, os.W_OK | os.X_OK)), None)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A new folder, fast to sync, removed afterwards."""
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        yield Path(folder)


class Place:
    """A project with a journal of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.state = folder / "state"
        self.root.mkdir()

    @property
    def journal(self) -> Journal:
        return Journal(self.root, self.state)

    def fill(self, files: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def patch(self, *edits: Edit) -> Patch:
        metadata = Metadata(created=NOW, author="t", version="0")
        bare = Patch(edits=edits, base={}, confidence=0.5, origin=Origin(proposer="test"), metadata=metadata)
        return based(bare, edits, read(self.root, bare.files))

    def change(self, path: str, old: bytes, new: bytes) -> Patch:
        start = (self.root / path).read_bytes().index(old)
        return self.patch(Span(path=path, start=start, end=start + len(old), old=old, new=new))

    def apply(self, patch: Patch) -> str:
        return self.journal.apply(patch, verdicts=(), now=NOW).id

    def look(self) -> dict[str, tuple[str, int, bytes]]:
        """Path → kind, permissions and content of all that is there, folders included."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name, mode = str(path.relative_to(self.root)), stat.S_IMODE(path.lstat().st_mode)
            if path.is_symlink():
                found[name] = ("link", 0, os.fsencode(path.readlink()))
            elif path.is_dir():
                found[name] = ("folder", mode, b"")
            else:
                found[name] = ("file", mode, path.read_bytes())
        return found


def plant(root: Path, tree: Mapping[str, Entry]) -> None:
    for path, entry in tree.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.is_link:
            target.symlink_to(os.fsdecode(entry.content))
        else:
            target.write_bytes(entry.content)
            target.chmod(entry.mode)
