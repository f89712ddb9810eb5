"""Unified diffs read as edits of the files they are for: those of git with its headers, and those of `diff -u`.

unidiff reads the grammar; here are bytes (it is given latin-1, which maps each byte to one character), names, and what git's
headers mean.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reknit.errors import UsageError
from reknit.lang.hunks import Hunk, spans_of, unfit
from reknit.lang.names import Read, info, named
from reknit.model.patch import Create, Delete, Edit, Entry, Mode, Relink, Rename, Span, check_path, render

#: Bytes of a diff that are read.
MOST = 32 << 20
_SUBJECT = re.compile(rb"^Subject: (.+(?:\r?\n[ \t].+)*)", re.MULTILINE)
_TAG = re.compile(r"^\[PATCH[^\]]*\] ")
_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a diff asks for."""

    edits: tuple[Edit, ...]
    #: The subject of the mail that it came in; "" where it is no mail.
    subject: str
    #: What was done other than the diff says: hunks that were found at other lines.
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file of a diff; None: it is not there on that side."""

    old: str | None
    new: str | None
    old_mode: str | None
    new_mode: str | None
    copied: bool
    hunks: tuple[Hunk, ...]


def read_diff(data: bytes, read: Read, *, umask: int = 0o022) -> Reading:
    """The edits that a diff makes to the files that `read` gives; `umask` is for those that it makes.

    `UsageError` for what is no diff, or holds what cannot be applied; `ConflictError` where it does not fit the files.
    """
    if len(data) > MOST:
        message = f"the diff has {len(data) >> 20} MiB, and at most {MOST >> 20} are read; nothing was written"
        raise UsageError(message, slug="diff", hint="split it")
    parsed, crlf = _parsed(data)
    files = [_file(file, *names) for file, names in zip(parsed, named(parsed, read), strict=True)]
    paths = [path for file in files for path in (file.old, file.new) if path is not None]
    for path in paths:
        check_path(path)
    before = tree = dict(read(paths))
    edits: list[Edit] = []
    notes: list[str] = []
    seen: set[str] = set()
    for file in files:
        # What is copied is as it was, whatever becomes of it.
        touched = {path for path in (None if file.copied else file.old, file.new) if path is not None}
        if touched & seen and not _is_kind_change(file, tree, edits):
            raise UsageError(
                f"the diff changes {min(touched & seen)} more than once; nothing was written",
                slug="diff",
                hint="apply its parts one after the other, or make one diff of them",
            )
        seen |= touched
        made = tuple(_edits(_with_crlf(file, before) if crlf else file, before if file.copied else tree, notes, umask))
        tree = render(tree, made)
        edits += made
    if not edits:
        raise UsageError("the diff changes nothing; nothing was written", slug="diff")
    return Reading(edits=tuple(edits), subject=_subject(data), notes=tuple(notes))


def _subject(data: bytes) -> str:
    """That of the mail that the diff came in."""
    found = _SUBJECT.search(data)
    if found is None:
        return ""
    from email.errors import MessageError
    from email.header import decode_header, make_header

    text = re.sub(r"\r?\n[ \t]+", " ", found.group(1).decode("utf-8", "replace"))
    with contextlib.suppress(MessageError, LookupError, ValueError):  # it is shown as it is written
        text = str(make_header(decode_header(text)))
    return _TAG.sub("", text).strip()


def _with_crlf(file: _File, tree: Mapping[str, Entry]) -> _File:
    """A diff whose lines all end with CR and LF may have got them on its way, or be of a file that has them."""
    entry = tree.get(file.old or "")
    if entry is None or b"\r\n" not in entry.content:
        return file
    hunks = (replace(h, lines=tuple((m, re.sub(rb"(?<!\r)\n$", b"\r\n", x)) for m, x in h.lines)) for h in file.hunks)
    return replace(file, hunks=tuple(hunks))


def _is_kind_change(file: _File, tree: Mapping[str, Entry], edits: Sequence[Edit]) -> bool:
    """Whether a file comes back as something else: git writes that as a removal and a creation."""
    gone = any(isinstance(edit, Delete) and edit.path == file.new for edit in edits)
    return file.old is None and gone and file.new not in tree


def _parsed(data: bytes) -> tuple[list[Any], bool]:
    """The files of a diff, and whether all its lines ended with CR and LF."""
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    text = data.decode("latin-1")
    lines = text.splitlines(keepends=True) if "\n" not in text else re.findall(r"[^\n]*\n|[^\n]+$", text)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    crlf = bool(lines) and all(line.endswith("\r\n") for line in lines)
    if crlf:
        lines = [f"{line[:-2]}\n" for line in lines]
    if any(line.startswith(("diff --cc ", "diff --combined ", "@@@ ")) for line in lines):
        message = "a combined diff, of a merge, says of no side what was there; nothing was written"
        raise UsageError(message, slug="diff", hint="compare with one parent: `git diff HEAD^1`")
    try:
        files = list(PatchSet(lines))
    except UnidiffParseError as exc:
        raise UsageError(f"the diff is damaged: {str(exc).strip()}; nothing was written", slug="diff") from exc
    if not files:
        message = "this is no unified diff: it names no file; nothing was written"
        raise UsageError(message, slug="diff", hint="make one with `git diff` or `diff -u`")
    return files, crlf


def _file(file: Any, old: str | None, new: str | None) -> _File:
    what = new or old
    if file.is_binary_file:
        message = f"the diff changes {what} as binary, which is no unified diff; nothing was written"
        raise UsageError(message, slug="diff", hint="`git apply` knows such diffs")
    if _SUBMODULE in (file.source_mode, file.target_mode):
        raise UsageError(f"{what} is a submodule, which is no file; nothing was written", slug="diff")
    hunks = tuple(Hunk(max(h.source_start - (h.source_length > 0), 0), tuple(_lines(h))) for h in file)
    return _File(
        old=old,
        new=new,
        old_mode=file.source_mode,
        new_mode=file.target_mode,
        copied=any(line.startswith("copy from ") for line in info(file)),
        hunks=hunks,
    )


def _lines(hunk: Any) -> Iterator[tuple[str, bytes]]:
    pending: tuple[str, bytes] | None = None
    for line in hunk:
        if line.line_type == "\\":
            if pending is not None:
                pending = (pending[0], pending[1].removesuffix(b"\n"))
            continue
        if pending is not None:
            yield pending
        pending = (line.line_type, line.value.encode("latin-1")) if line.line_type in (" ", "-", "+") else None
    if pending is not None:
        yield pending


def _edits(file: _File, tree: Mapping[str, Entry], notes: list[str], umask: int) -> Iterator[Edit]:
    if file.old is None:
        yield _created(file, umask)
        return
    entry = tree.get(file.old)
    if entry is None:
        raise unfit(file.old, "is not there, and the diff changes it")
    if entry.is_link != (file.old_mode == _LINK) and file.old_mode is not None:
        raise unfit(file.old, f"is {'a link' if entry.is_link else 'no link'}, other than the diff says")
    spans = tuple(spans_of(file.old, entry, file.hunks, notes))
    if file.new is None:
        yield _deleted(file.old, entry, spans)
    elif file.copied:
        changed = render({file.old: entry}, spans)[file.old]
        yield Create(path=file.new, entry=replace(changed, mode=_mode(file, changed)))
    else:
        yield from _changed(file, entry, spans)


def _created(file: _File, umask: int) -> Create:
    path = file.new or ""
    content = b"".join(line for hunk in file.hunks for mark, line in hunk.lines if mark == "+")
    if any(hunk.old for hunk in file.hunks):
        raise UsageError(f"the diff creates {path} and has old lines of it; nothing was written", slug="diff")
    if file.new_mode == _LINK:
        return Create(path=path, entry=Entry(content=content, is_link=True))
    mode = (0o777 if file.new_mode == "100755" else 0o666) & ~umask
    return Create(path=path, entry=Entry(content=content, mode=mode))


def _deleted(path: str, entry: Entry, spans: Sequence[Span]) -> Delete:
    left = render({path: replace(entry, is_link=False)}, spans)[path].content
    if left:
        raise unfit(path, "holds more than the diff removes")
    return Delete(path=path, entry=entry)


def _changed(file: _File, entry: Entry, spans: Sequence[Span]) -> Iterator[Edit]:
    old, new = file.old or "", file.new or ""
    if entry.is_link:
        target = render({old: replace(entry, is_link=False)}, spans)[old].content
        if target != entry.content:
            yield Relink(path=old, old=entry.content, new=target)
    else:
        yield from spans
        mode = _mode(file, entry)
        if mode != entry.mode:
            yield Mode(path=old, old=entry.mode, new=mode)
    if old != new:
        yield Rename(path=old, to=new)


def _mode(file: _File, entry: Entry) -> int:
    """Git keeps one bit: whether who may read it may run it."""
    if file.old_mode == file.new_mode or entry.is_link or file.new_mode not in ("100644", "100755"):
        return entry.mode
    return entry.mode | (entry.mode & 0o444) >> 2 if file.new_mode == "100755" else entry.mode & ~0o111
