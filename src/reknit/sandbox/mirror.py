"""A private copy of the project, where it cannot be shown at its own path."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path

from reknit.errors import SandboxError
from reknit.sandbox.base import Job
from reknit.sandbox.spec import patched_files

#: Large, and not the project's own code: the copy holds a link to the original instead.
_LINKED = frozenset({".git", "node_modules", ".tox", ".nox"})
#: linux/fs.h: share the blocks of another file, where the file system can.
_FICLONE = 0x40049409


def mirror(job: Job, target: Path, *, owner: tuple[int, int] | None, link_git: bool) -> None:
    """Copy the view's root to `target`, patched; a hard link would let writes through to the user's file."""
    _copy_folder(job.view.root, target, link_git=link_git)
    for path, content, mtime in patched_files(job):
        _patch(target, path, content, mtime)
    if owner is not None:
        for folder, folders, files in os.walk(target):
            for name in (".", *folders, *files):
                os.lchown(Path(folder) / name, *owner)


def linked(root: Path) -> list[Path]:
    """Folders of the project that its copy links to: environments, history, packages."""
    found = []
    for folder, folders, _ in os.walk(root):
        for name in [f for f in folders if _is_linked(Path(folder) / f)]:
            folders.remove(name)
            found.append(Path(folder) / name)
    return found


def _is_linked(folder: Path) -> bool:
    return not folder.is_symlink() and (folder.name in _LINKED or (folder / "pyvenv.cfg").exists())


def _copy_folder(source: Path, target: Path, *, link_git: bool) -> None:
    target.mkdir()
    for entry in os.scandir(source):
        path, copy = Path(entry.path), target / entry.name
        if entry.is_symlink():
            copy.symlink_to(path.readlink())
        elif entry.is_dir():
            if not _is_linked(path):
                _copy_folder(path, copy, link_git=link_git)
            elif entry.name != ".git" or link_git:
                copy.symlink_to(path)
        elif entry.is_file():
            _copy_file(path, copy)
    shutil.copystat(source, target)
    target.chmod(stat.S_IMODE(source.stat().st_mode) | stat.S_IRWXU)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("wb") as new:
        try:
            fcntl.ioctl(new, _FICLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, 1 << 20)
    shutil.copystat(source, target)


def _patch(target: Path, path: str, content: bytes | None, mtime: int | None) -> None:
    full = target / path
    if not full.parent.resolve().is_relative_to(target.resolve()):
        raise SandboxError(f"{path} leads out of the project through a link; nothing was run", slug="sandbox-path")
    if content is None:
        full.unlink(missing_ok=True)
        return
    full.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(full.stat().st_mode) if full.is_file() else 0o644
    full.unlink(missing_ok=True)
    full.write_bytes(content)
    full.chmod(mode)
    if mtime is not None:
        os.utime(full, ns=(mtime, mtime))
