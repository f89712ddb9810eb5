"""Work trees for cases: copied or exported, without the history and the answers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from reknit.errors import CannotJudgeError

#: What a copy of a project leaves out: history, and what tools make again.
LEFT_OUT = (
    ".git", ".hg", ".venv", "venv", ".tox", ".nox", "__pycache__", "*.pyc",
    ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "node_modules",
)  # fmt: skip


def copy_tree(project: Path, to: Path) -> None:
    """The project as it lies there, without history, environments and caches."""
    shutil.copytree(project, to, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)


def export(clone: Path, commit: str, to: Path, *, only: Sequence[str] = ()) -> None:
    """One commit's files (or those of `only` that it has) written over `to`, which gets no history.

    An index of its own, not `git archive`: that leaves out what a project marks `export-ignore`, often its tests.
    """
    to.mkdir(parents=True, exist_ok=True)
    index = to.parent / f"{to.name}.index"
    env = _quiet_git() | {"GIT_INDEX_FILE": str(index)}
    try:
        git(clone, "read-tree", commit, env=env)
        names = ["-a"]
        if only:
            listed = git(clone, "ls-tree", "-r", "-z", "--name-only", commit, "--", *only)
            names = ["--", *(n for n in listed.decode("utf-8", "surrogateescape").split("\0") if n)]
        git(clone, f"--work-tree={to}", "checkout-index", "-f", "-q", *names, env=env)
    finally:
        index.unlink(missing_ok=True)


def file_at(clone: Path, commit: str, path: str) -> bytes | None:
    """A file's bytes at a commit, or None where it does not exist."""
    if not git(clone, "ls-tree", "-z", commit, "--", path):
        return None
    return git(clone, "cat-file", "blob", f"{commit}:{path}")


def git(clone: Path, *args: str, env: dict[str, str] | None = None) -> bytes:
    """Git's answer from a repository that is only read, with the user's filters and hooks off."""
    folder = clone / ".git" if (clone / ".git").exists() else clone
    done = subprocess.run(
        ["git", f"--git-dir={folder}", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *args],
        capture_output=True,
        check=False,
        env=env or _quiet_git(),
    )
    if done.returncode != 0:
        raise CannotJudgeError(
            f"git {args[0]} failed in {clone}: {done.stderr.decode('utf-8', 'replace')[-300:].strip()}",
            slug="bench-clone",
            hint="the clone needs the whole history: `git fetch --unshallow`",
        )
    return done.stdout


def _quiet_git() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
