from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reknit.diagnose.revision import git_revision

SHA = "0123456789abcdef0123456789abcdef01234567"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    argv = ["git", *who, *arguments]
    return subprocess.run(argv, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


@needs_git
def test_loose_packed_and_detached(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    assert git_revision(repository) == first
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads/main").exists()
    assert git_revision(repository) == first
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    second = git(repository, "rev-parse", "HEAD")
    assert git_revision(repository) == second != first
    git(repository, "checkout", "-q", "--detach", first)
    assert git_revision(repository) == first


@needs_git
def test_a_folder_below(repository: Path) -> None:
    (repository / "a/b").mkdir(parents=True)
    assert git_revision(repository / "a/b") == git(repository, "rev-parse", "HEAD")


@needs_git
@pytest.mark.parametrize("packed", [False, True])
def test_a_linked_worktree(repository: Path, packed: bool) -> None:
    git(repository, "worktree", "add", "-q", "-b", "feature/x", "../linked")
    linked = repository.parent / "linked"
    git(linked, "commit", "-q", "--allow-empty", "-m", "on the branch")
    if packed:
        git(repository, "pack-refs", "--all")
    assert git_revision(linked) == git(linked, "rev-parse", "HEAD") != git_revision(repository)


@needs_git
def test_no_commit_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert git_revision(tmp_path) is None


def fake(tmp_path: Path, head: str, **refs: str) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text(head)
    for name, value in refs.items():
        (tmp_path / ".git/refs").mkdir(exist_ok=True)
        (tmp_path / ".git/refs" / name).write_text(value)
    return tmp_path


@pytest.mark.parametrize("length", [40, 64])
def test_both_lengths_of_object_names(tmp_path: Path, length: int) -> None:
    assert git_revision(fake(tmp_path, "a" * length + "\n")) == "a" * length


@pytest.mark.parametrize(
    "head",
    ["", "a" * 41, "secret: x", "ref: ../outside", "ref: refs/../../outside", "ref: refs/a", "ref: refs/x\0y"],
)
def test_only_an_object_name_comes_out(tmp_path: Path, head: str) -> None:
    (tmp_path / "outside").write_text(SHA)
    assert git_revision(fake(tmp_path, head, other=SHA)) is None


def test_symbolic_refs_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fake(tmp_path, "ref: refs/a", a="ref: refs/b", b=SHA)
    assert git_revision(tmp_path) == SHA
    (tmp_path / ".git/refs/b").write_text("ref: refs/a")
    assert git_revision(tmp_path) is None


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    fake(tmp_path, "ref: refs/a")
    os.mkfifo(tmp_path / ".git/packed-refs")
    assert git_revision(tmp_path) is None
    (tmp_path / ".git/HEAD").unlink()
    os.mkfifo(tmp_path / ".git/HEAD")
    assert git_revision(tmp_path) is None


def test_no_repository(tmp_path: Path) -> None:
    assert git_revision(tmp_path) is None


def test_undecodable_packed_refs(tmp_path: Path) -> None:
    fake(tmp_path, "ref: refs/heads/main")
    (tmp_path / ".git/packed-refs").write_bytes(
        b"# pack-refs\n" + b"f" * 40 + b" refs/heads/\xff\n" + f"{SHA} refs/heads/main\n".encode()
    )
    assert git_revision(tmp_path) == SHA
