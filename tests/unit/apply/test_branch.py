"""A patch becomes a commit on a new branch, and nothing else of the repository or the project changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reknit.apply.branch import Commit, commit
from reknit.apply.tree import read
from reknit.errors import ConflictError, JournalError, ReknitError, UsageError
from reknit.model.patch import Create, Delete, Entry, Mode, Patch, Relink, Rename, Span
from reknit.model.verdict import CheckResult, CheckStatus, Label, Verdict
from tests.unit.apply.place import Place, plant

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

TREE = {
    "a.py": Entry(content=b"".join(b"line %d\n" % n for n in range(20))),
    "run.sh": Entry(content=b"x\n"),
    "old.py": Entry(content=b"old\r\n\xff"),
    "gone.py": Entry(content=b"gone\n"),
    "link": Entry(content=b"a.py", is_link=True),
    "pkg/deep/b.py": Entry(content=b"b\n", mode=0o755),
}
CHANGE = Span(path="a.py", start=0, end=6, old=b"line 0", new=b"first")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / ".gitconfig").write_text(
        "[user]\n\tname = A Person\n\temail = a@example.org\n[init]\n\tdefaultBranch = main\n"
    )
    place = Place(tmp_path)
    plant(place.root, TREE)
    _git(place, "init", "-q")
    _git(place, "add", "-A")
    _git(place, "commit", "-q", "-m", "one")
    return place


def _git(place: Place, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=place.root, check=True, capture_output=True, env=dict(os.environ))
    return done.stdout.decode("utf-8", "surrogateescape")


def _commit(place: Place, patch: Patch, name: str = "mend", *verdicts: Verdict) -> Commit:
    return commit(place.root, patch, name=name, verdicts=verdicts, tree=read(place.root, patch.files))


def _state(place: Place) -> dict[str, tuple[int, bytes]]:
    """Every file of project and repository but git's objects, with its time."""
    paths = (p for p in place.root.rglob("*") if p.is_file() and not p.is_relative_to(place.root / ".git/objects"))
    return {str(p.relative_to(place.root)): (p.lstat().st_mtime_ns, p.read_bytes()) for p in paths}


def test_every_kind_of_edit_is_committed_and_nothing_else_changes(place: Place) -> None:
    (place.root / "a.py").write_bytes(TREE["a.py"].content + b"not committed\n")
    (place.root / "staged.py").write_bytes(b"staged\n")
    _git(place, "add", "staged.py")
    patch = place.patch(
        CHANGE,
        Span(path="old.py", start=0, end=3, old=b"old", new=b"new"),
        Rename(path="old.py", to="pkg/new name.py"),
        Mode(path="run.sh", old=0o644, new=0o755),
        Delete(path="gone.py", entry=TREE["gone.py"]),
        Relink(path="link", old=b"a.py", new=b"run.sh"),
        Create(path="pkg/ä.py", entry=Entry(content=b"")),
    )
    before = _state(place)
    made = _commit(place, patch)
    after = _state(place)
    new = after.keys() - before.keys()
    assert new == {".git/refs/heads/mend", ".git/logs/refs/heads/mend"}
    assert {name: after[name] for name in before} == before
    assert _git(place, "rev-parse", "mend", "mend^").split() == [made.id, made.parent]
    assert made.parent == _git(place, "rev-parse", "HEAD").strip()
    listed = _git(place, "-c", "core.quotePath=false", "ls-tree", "-r", "mend").splitlines()
    assert [(row.split()[0], row.partition("\t")[2]) for row in listed] == [
        ("100644", "a.py"), ("120000", "link"), ("100755", "pkg/deep/b.py"), ("100644", "pkg/new name.py"),
        ("100644", "pkg/ä.py"), ("100755", "run.sh"),
    ]  # fmt: skip
    assert _git(place, "show", "mend:a.py").encode() == TREE["a.py"].content.replace(b"line 0", b"first")
    assert _git(place, "show", "mend:pkg/new name.py").encode("utf-8", "surrogateescape") == b"new\r\n\xff"
    assert _git(place, "show", "mend:link") == "run.sh"


def test_the_message_names_patch_and_proof_and_nobody_can_add_to_it(place: Place) -> None:
    bare = place.patch(CHANGE)
    patch = replace(bare, origin=replace(bare.origin, note="`<` for `>`\n\nReknit-Proof: corroborated\r\x1b[31m"))
    verdict = Verdict(
        patch_id=patch.id,
        label=Label.PLAUSIBLE,
        checks=(CheckResult(check="tests", status=CheckStatus.PASSED, evidence=""),),
        isolation="bubblewrap",
        view="overlay",
        heals=("tests/test_a.py::test_a[\nReknit-Patch: 0]",),
    )
    _commit(place, patch, "mend", verdict)
    body = _git(place, "log", "-1", "--format=%B", "mend")
    trailers = _git(place, "log", "-1", "--format=%(trailers)", "mend").splitlines()
    assert [line for line in trailers if line] == [
        f"Reknit-Patch: {patch.id}",
        "Reknit-Proof: plausible; passed: tests; bubblewrap",
        "Reknit-Heals: tests/test_a.py::test_a[ Reknit-Patch: 0]",
    ]
    assert body.splitlines()[0].startswith("`<` for `>` Reknit-Proof: corroborated [31m in a.py"[:50])
    assert _git(place, "log", "-1", "--format=%an <%ae> %cn", "mend") == "A Person <a@example.org> A Person\n"
    _commit(place, patch, "other")
    assert "Reknit-Proof: unjudged" in _git(place, "log", "-1", "--format=%B", "other")


def test_what_is_not_committed_is_left_out_or_is_a_conflict(place: Place) -> None:
    text = TREE["a.py"].content
    (place.root / "a.py").write_bytes(text.replace(b"line 15", b"mine"))
    _commit(place, place.patch(CHANGE))
    assert _git(place, "show", "mend:a.py").encode() == text.replace(b"line 0", b"first")
    (place.root / "a.py").write_bytes(text.replace(b"line 0", b"mine"))
    touching = place.patch(Span(path="a.py", start=0, end=4, old=b"mine", new=b"ours"))
    (place.root / "untracked.py").write_bytes(b"x\n")
    untracked = place.patch(Span(path="untracked.py", start=0, end=1, old=b"x", new=b"y"))
    for patch in (touching, untracked):
        with pytest.raises(ConflictError, match="not committed"):
            _commit(place, patch, "other")
    assert "other" not in _git(place, "branch")


def test_a_project_in_a_folder_of_the_repository(place: Place) -> None:
    inner = Place.__new__(Place)
    inner.root, inner.state = place.root / "pkg", place.state
    patch = inner.patch(Span(path="deep/b.py", start=0, end=1, old=b"b", new=b"c"))
    assert _commit(inner, patch).files == ("deep/b.py",)
    assert _git(place, "show", "mend:pkg/deep/b.py") == "c\n"
    assert _git(place, "show", "mend:a.py").encode() == TREE["a.py"].content


def test_a_detached_head_and_a_linked_worktree(place: Place, tmp_path: Path) -> None:
    _git(place, "checkout", "-q", "--detach")
    made = _commit(place, place.patch(CHANGE))
    _git(place, "worktree", "add", "-q", str(tmp_path / "linked"), "mend")
    linked = Place.__new__(Place)
    linked.root, linked.state = tmp_path / "linked", place.state
    again = _commit(linked, linked.patch(Mode(path="run.sh", old=0o644, new=0o755)), "more")
    assert again.parent == made.id


@pytest.mark.parametrize("name", ["main", "-x", "a..b", "@{-1}", "", "a b", "main/below", "refs/heads/../x"])
def test_a_name_that_is_taken_or_none(place: Place, name: str) -> None:
    before = _state(place)
    with pytest.raises(ReknitError, match=r"no branch|nothing was changed"):
        _commit(place, place.patch(CHANGE), name)
    assert _state(place) == before


def test_without_a_repository_a_commit_or_a_person(place: Place, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    bare = Place(tmp_path / "none")
    plant(bare.root, TREE)
    patch = bare.patch(CHANGE)
    with pytest.raises(ReknitError, match="no branch was made") as caught:
        _commit(bare, patch)
    assert caught.value.slug == "git"
    _git(bare, "init", "-q")
    with pytest.raises(UsageError) as unborn:
        _commit(bare, patch)
    assert unborn.value.slug == "no-commit"
    (tmp_path / ".gitconfig").write_text("")
    with pytest.raises(JournalError, match="no branch was made"):
        _commit(place, place.patch(CHANGE))
    assert "mend" not in _git(place, "branch")


def test_a_file_of_a_submodule(place: Place) -> None:
    (place.root / "sub-holder").mkdir()
    inner = Place(place.root / "sub-holder")
    plant(inner.root, TREE)
    _git(inner, "init", "-q")
    _git(inner, "add", "-A")
    _git(inner, "commit", "-q", "-m", "inner")
    _git(place, "add", "-A")
    _git(place, "commit", "-q", "-m", "with a repository in it")
    path = "sub-holder/project/a.py"
    with pytest.raises(UsageError, match="repository of its own"):
        _commit(place, place.patch(replace(CHANGE, path=path)))


def test_nothing_that_the_repository_configures_is_run(place: Place, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 >> {canary}\ncat\n")
    program.chmod(0o755)
    hooks = place.root / ".git/hooks"
    for hook in (
        "pre-commit",
        "commit-msg",
        "post-commit",
        "reference-transaction",
        "post-index-change",
        "post-checkout",
    ):
        shutil.copy(program, hooks / hook)
    for key, value in {
        "core.fsmonitor": str(program),
        "filter.evil.clean": str(program),
        "filter.evil.smudge": str(program),
        "filter.evil.required": "true",
        "diff.external": str(program),
        "gpg.program": str(program),
        "commit.gpgSign": "true",
        "core.editor": str(program),
        "core.pager": str(program),
        "core.sshCommand": str(program),
        "gc.auto": "1",
    }.items():
        _git(place, "config", key, value)
    (place.root / ".git/info/attributes").write_text("* filter=evil diff=evil\n")
    made = _commit(place, place.patch(CHANGE))
    assert not canary.exists()
    assert _git(place, "cat-file", "-p", f"{made.id}:a.py").encode() == TREE["a.py"].content.replace(
        b"line 0", b"first"
    )
    subprocess.run(
        ["git", "commit", "-q", "-a", "--allow-empty", "-m", "x"], cwd=place.root, check=False, capture_output=True
    )
    assert canary.exists(), "the control: git alone runs them"


def test_an_environment_of_git_is_not_passed_on(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    patch = place.patch(CHANGE)
    made = _commit(place, patch)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.delenv(name)
    assert _git(place, "rev-parse", "mend").strip() == made.id
