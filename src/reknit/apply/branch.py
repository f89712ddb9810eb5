"""A patch as a commit on a branch of its own: the user's files, index, branch and HEAD stay as they are.

The commit is HEAD with the patch. It is made through an index in a temporary folder, and appears by one `update-ref`: a
crash before that leaves objects that nothing names. Nothing that the repository configures is run (`git`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from reknit.apply.base import same
from reknit.apply.carry import carry, paths_of
from reknit.apply.difference import difference
from reknit.apply.git import Git
from reknit.errors import ConflictError, UsageError
from reknit.model.patch import Edit, Entry, Patch, render
from reknit.model.verdict import CheckStatus, Verdict

_LINK, _PROGRAM, _PLAIN = "120000", "100755", "100644"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WIDTH = 72
#: Tests that a commit names.
_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit on a new branch."""

    branch: str
    #: The commit's own name, and that of the commit that it is made on.
    id: str
    parent: str
    files: tuple[str, ...]


def commit(root: Path, patch: Patch, *, name: str, verdicts: Sequence[Verdict], tree: Mapping[str, Entry]) -> Commit:
    """Commit `patch`, made for `tree`, on HEAD as the new branch `name`.

    `UsageError` where there is no repository, no commit in it, or the branch cannot be made; `ConflictError` where what is
    not committed in the patch's files touches the patch.
    """
    git = Git(root)
    prefix = _prefix(git, root)
    _check_name(git, name)
    parent = git.asks("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if parent is None:
        message = "the repository has no commit yet; no branch was made"
        raise UsageError(message, slug="no-commit", hint="commit first: a branch is made on what is committed")
    head = _entries(git, parent, prefix, paths_of(patch.edits))
    edits = _for_head(patch, tree, head)
    after = render(head, edits)
    changed = sorted(p for p in head.keys() | after.keys() if not same(head.get(p), after.get(p)))
    with tempfile.TemporaryDirectory(prefix="reknit-") as folder:
        own = Git(root, Path(folder) / "index")
        own.run("read-tree", parent)
        lines = [_line(own, prefix + path, after.get(path), "0" * len(parent)) for path in changed]
        own.run("update-index", "-z", "--index-info", stdin=b"".join(lines))
        made = own.run("write-tree", "--missing-ok").decode().strip()
    words = _message(patch, verdicts).encode("utf-8", "replace")
    sha = git.run("commit-tree", made, "-p", parent, "-F", "-", stdin=words).decode().strip()
    git.run("update-ref", "--no-deref", "--", f"refs/heads/{name}", sha, "0" * len(sha))
    return Commit(branch=name, id=sha, parent=parent, files=tuple(changed))


def _prefix(git: Git, root: Path) -> str:
    """Where the project lies in the repository, "" or ending with a slash."""
    if git.asks("rev-parse", "--is-inside-work-tree") != "true":
        git.run("rev-parse", "--git-dir")  # says what is wrong with a repository that git does not trust
        message = f"{root} is in no working tree of git; no branch was made"
        raise UsageError(message, slug="git")
    return git.run("rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").removesuffix("\n")


def _check_name(git: Git, name: str) -> None:
    if name.startswith("-") or git.asks("check-ref-format", "--branch", name) != name:
        raise UsageError(f"{name!r} is no name for a branch; no branch was made", slug="branch-name")
    if git.asks("rev-parse", "--verify", "--quiet", f"refs/heads/{name}") is not None:
        hint = "choose another name: a branch that is there is never moved"
        raise UsageError(f"there is a branch {name} already; nothing was changed", slug="branch-name", hint=hint)


def _entries(git: Git, revision: str, prefix: str, paths: Iterable[str]) -> dict[str, Entry]:
    """What is committed at the paths; permission bits are git's two kinds."""
    names = {prefix + path: path for path in paths}
    above = {str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."}
    listed = git.run("ls-tree", "-z", "--full-tree", revision, "--", *sorted({*names, *above}))
    found: dict[str, Entry] = {}
    for line in filter(None, listed.split(b"\0")):
        head, _, raw = line.partition(b"\t")
        mode, kind, sha = head.decode().split(" ")[:3]
        name = raw.decode("utf-8", "surrogateescape")
        if kind == "commit":
            raise UsageError(
                f"{name} is a repository of its own; no branch was made", slug="git", hint="go there first"
            )
        if kind == "blob" and name in names:
            content = git.run("cat-file", "blob", sha)
            found[names[name]] = Entry(content=content, mode=int(mode[-3:], 8) or 0o644, is_link=mode == _LINK)
    return found


def _for_head(patch: Patch, tree: Mapping[str, Entry], head: dict[str, Entry]) -> tuple[Edit, ...]:
    """The patch's edits for what is committed, carried over what is not."""
    for path, entry in head.items():
        there = tree.get(path)
        if there is not None and not entry.is_link and _runs(there) == _runs(entry):
            head[path] = replace(entry, mode=there.mode)  # git keeps no more of it
    differing = sorted(path for path in paths_of(patch.edits) if not same(tree.get(path), head.get(path)))
    edits: tuple[Edit, ...] | None = patch.edits
    for path in differing:
        edits = None if edits is None else carry(edits, difference(path, tree.get(path), head.get(path)), inferred=True)
        if edits is None:
            error = ConflictError(path, why="holds what is not committed, too near to the patch")
            error.hint = "commit that first; where git converts line ends or contents, apply without --branch"
            raise error
    return edits or ()


def _runs(entry: Entry) -> bool:
    return bool(entry.mode & 0o100)


def _line(git: Git, name: str, entry: Entry | None, nothing: str) -> bytes:
    """For the index, as `update-index --index-info` reads it."""
    path = name.encode("utf-8", "surrogateescape")
    if entry is None:
        return f"0 {nothing}\t".encode() + path + b"\0"
    sha = git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=entry.content).decode().strip()
    mode = _LINK if entry.is_link else _PROGRAM if _runs(entry) else _PLAIN
    return f"{mode} {sha}\t".encode() + path + b"\0"


def _message(patch: Patch, verdicts: Sequence[Verdict]) -> str:
    """A subject, and trailers that name the patch and what speaks for it; no word of theirs begins a line."""
    what = _plain(patch.origin.note) or "patch"
    subject = f"{what} in {', '.join(map(_plain, patch.files))}"
    lines = [subject if len(subject) <= _WIDTH else f"{subject[: _WIDTH - 1]}…", "", f"Reknit-Patch: {patch.id}"]
    if not verdicts:
        lines.append("Reknit-Proof: unjudged")
    for verdict in verdicts:
        passed = [c.check for c in verdict.checks if c.status is CheckStatus.PASSED]
        words = [verdict.label.value, *([f"passed: {', '.join(passed)}"] if passed else []), verdict.isolation]
        lines.append(f"Reknit-Proof: {_plain('; '.join(words))}")
        lines += [f"Reknit-Heals: {_plain(test)}" for test in verdict.heals[:_TOLD]]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()
