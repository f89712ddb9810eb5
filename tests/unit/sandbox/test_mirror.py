"""The private copy of a project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reknit.errors import SandboxError
from reknit.sandbox import Job, View
from reknit.sandbox.mirror import linked, mirror
from reknit.sandbox.process import drop


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "project"
    for folder in ("pkg", ".git", ".venv/bin", "node_modules"):
        (project / folder).mkdir(parents=True)
    (project / ".venv" / "pyvenv.cfg").touch()
    (project / "pkg" / "mod.py").write_text("old")
    (project / "pkg" / "mod.py").chmod(0o754)
    os.utime(project / "pkg" / "mod.py", ns=(10**18, 10**18))
    (project / "link").symlink_to("pkg/mod.py")
    os.mkfifo(project / "pipe")
    return project


def copy(root: Path, files: dict[str, bytes | None], *, link_git: bool = True) -> Path:
    target = root.parent / "copy"
    job = Job(argv=["x"], view=View(root=root, files=files), env={})
    mirror(job, target, owner=None, link_git=link_git)
    return target


def test_keeps_content_mode_time_and_links(root: Path) -> None:
    target = copy(root, {})
    seen = (target / "pkg" / "mod.py").stat()
    assert (oct(seen.st_mode), seen.st_mtime_ns) == ("0o100754", 10**18)
    assert (target / "link").readlink() == Path("pkg/mod.py")
    assert not (target / "pipe").exists()


def test_shares_nothing_that_can_be_written(root: Path) -> None:
    """No hard links: a write to the copy must not reach the user's file."""
    target = copy(root, {})
    assert (target / "pkg" / "mod.py").stat().st_ino != (root / "pkg" / "mod.py").stat().st_ino
    (target / "pkg" / "mod.py").write_text("new")
    assert (root / "pkg" / "mod.py").read_text() == "old"


def test_links_to_what_is_large_and_not_the_projects_own(root: Path) -> None:
    target = copy(root, {})
    assert {p.name for p in target.iterdir() if p.is_symlink()} == {"link", ".git", ".venv", "node_modules"}
    assert {p.name for p in linked(root)} == {".git", ".venv", "node_modules"}


def test_leaves_history_out_where_nothing_protects_it(root: Path) -> None:
    assert not os.path.lexists(copy(root, {}, link_git=False) / ".git")


def test_patches(root: Path) -> None:
    target = copy(root, {"pkg/mod.py": b"new", "a/b.py": b"made", "link": None})
    assert (target / "pkg" / "mod.py").read_bytes() == b"new"
    assert oct((target / "pkg" / "mod.py").stat().st_mode) == "0o100754"
    assert (target / "a" / "b.py").read_bytes() == b"made"
    assert not os.path.lexists(target / "link")


def test_a_patched_link_becomes_a_file(root: Path) -> None:
    target = copy(root, {"link": b"new"})
    assert not (target / "link").is_symlink()
    assert (target / "pkg" / "mod.py").read_text() == "old"


def test_does_not_follow_the_projects_links_out(root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (root / "trap").symlink_to(outside)
    with pytest.raises(SandboxError, match="leads out of the project"):
        copy(root, {"trap/x.py": b"new"})
    assert list(outside.iterdir()) == []


def test_drops_what_was_made_unreadable(root: Path) -> None:
    target = copy(root, {})
    (target / "pkg").chmod(0)
    drop(target)
    assert not target.exists()
    assert (root / ".git").exists()
