"""Unified diffs read as edits of the files they are for: those of git with its headers, and those of `diff -u`.

unidiff reads the grammar; here are bytes (it is given latin-1, which maps each byte to one character), names, and what git's
headers mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reknit.errors import UsageError
from reknit.lang.hunks import Hunk, spans_of, unfit
from reknit.model.patch import Create, Delete, Edit, Entry, Mode, Relink, Rename, Span, check_path, render

#: Bytes of a diff that are read.
_MOST = 32 << 20
_NOTHING = "/dev/null"
#: How GNU diff says that a file is not there, where it has no /dev/null.
_EPOCH = re.compile(r"(1970-01-01|1969-12-31) ")
_PREFIX = re.compile(r"[^/]+/")
_QUOTED = re.compile(rb'\\(?:([0-7]{3})|(["\\abfnrtv]))')
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_SUBJECT = re.compile(rb"^Subject: (?:\[PATCH[^\]]*\] )?(.+?)\r?$", re.MULTILINE)
_LINK, _SUBMODULE = "120000", "160000"

#: The files and links among these paths that exist.
Read = Callable[[Iterable[str]], Mapping[str, Entry]]


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


def read_diff(data: bytes, read: Read) -> Reading:
    """The edits that a diff makes to the files that `read` gives.

    `UsageError` for what is no diff, or holds what cannot be applied; `ConflictError` where it does not fit the files.
    """
    if len(data) > _MOST:
        message = f"the diff has {len(data) >> 20} MiB, and at most {_MOST >> 20} are read; nothing was written"
        raise UsageError(message, slug="diff", hint="split it")
    files = _named(_parsed(data), read)
    paths = [path for file in files for path in (file.old, file.new) if path is not None]
    for path in paths:
        check_path(path)
    tree = dict(read(paths))
    edits: list[Edit] = []
    notes: list[str] = []
    seen: set[str] = set()
    for file in files:
        touched = {path for path in (file.old, file.new) if path is not None}
        if touched & seen and not _is_kind_change(file, tree, edits):
            raise UsageError(
                f"the diff changes {min(touched & seen)} more than once; nothing was written",
                slug="diff",
                hint="apply its parts one after the other, or make one diff of them",
            )
        seen |= touched
        made = tuple(_edits(file, tree, notes))
        tree = render(tree, made)
        edits += made
    if not edits:
        raise UsageError("the diff changes nothing; nothing was written", slug="diff")
    subject = _SUBJECT.search(data)
    text = subject.group(1).decode("utf-8", "replace") if subject else ""
    return Reading(edits=tuple(edits), subject=text, notes=tuple(notes))


def _is_kind_change(file: _File, tree: Mapping[str, Entry], edits: Sequence[Edit]) -> bool:
    """Whether a file comes back as something else: git writes that as a removal and a creation."""
    gone = any(isinstance(edit, Delete) and edit.path == file.new for edit in edits)
    return file.old is None and gone and file.new not in tree


def _parsed(data: bytes) -> list[Any]:
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    text = data.decode("latin-1")
    lines = text.splitlines(keepends=True) if "\n" not in text else re.findall(r"[^\n]*\n|[^\n]+$", text)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if lines and all(line.endswith("\r\n") for line in lines):  # on its way the whole text got other line ends
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
    return files


def _named(files: Sequence[Any], read: Read) -> list[_File]:
    """The files with their names in the project: with or without the first folder (`a/`, `b/`), as it fits what is there."""
    raw = [_names(file) for file in files]
    olds = {old for old, _ in raw if old is not None}
    names = olds | {new for old, new in raw if new is not None and old is not None}
    there = read(path for name in names for path in {name, _stripped(name)} if _is_plain(path))
    strip = sum(_stripped(name) in there for name in names) >= sum(name in there for name in names)
    if not olds:
        strip = all(new is None or new.startswith(("b/", "w/", "i/", "2/")) for _, new in raw)

    def form(path: str | None, info: Sequence[str]) -> str | None:
        # The names after "rename" and "copy" have no prefix.
        return path if path is None or not strip or _moved(info) else _stripped(path)

    named = []
    for file, (old, new) in zip(files, raw, strict=True):
        sides = form(old, _info(file)), form(new, _info(file))
        named.append(_file(file, *(sides if _is_of_git(file) else _one_name(*sides, read))))
    return named


def _is_of_git(file: Any) -> bool:
    return any(line.startswith("diff --git ") for line in _info(file))


def _one_name(old: str | None, new: str | None, read: Read) -> tuple[str | None, str | None]:
    """`diff -u` renames nothing: of two names (`a.py.orig`, `a.py`), that of the file that is there is meant."""
    if old is None or new is None or old == new:
        return old, new
    both = sorted((path for path in (old, new) if _is_plain(path)), key=len)
    there = read(both)
    name = next((path for path in both if path in there), new)
    return name, name


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
        copied=any(line.startswith("copy from ") for line in _info(file)),
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


def _info(file: Any) -> Sequence[str]:
    return file.patch_info or ()


def _moved(info: Sequence[str]) -> tuple[str, str] | None:
    """Both names of what is renamed or copied."""
    heads = ("rename from", "rename to", "copy from", "copy to")
    words = {h: line[len(h) + 1 :].rstrip("\n") for line in info for h in heads if line.startswith(f"{h} ")}
    for verb in ("rename", "copy"):
        if f"{verb} from" in words and f"{verb} to" in words:
            return words[f"{verb} from"], words[f"{verb} to"]
    return None


def _names(file: Any) -> tuple[str | None, str | None]:
    """Both names as they are written, unquoted; None: not there."""
    old, new = _moved(_info(file)) or (file.source_file, file.target_file)
    is_new = old == _NOTHING or (_is_epoch(file.source_timestamp) and all(h.source_length == 0 for h in file))
    is_gone = new == _NOTHING or (_is_epoch(file.target_timestamp) and all(h.target_length == 0 for h in file))
    if is_new and is_gone:
        raise UsageError("the diff names a file that is on no side; nothing was written", slug="diff")
    return (None if is_new else _unquoted(old)), (None if is_gone else _unquoted(new))


def _is_epoch(timestamp: str | None) -> bool:
    return bool(timestamp and _EPOCH.match(timestamp))


def _unquoted(name: str) -> str:
    """A name as git writes it, which may be quoted as a string of C is."""
    raw = name.encode("latin-1")
    if len(raw) > 1 and raw.startswith(b'"') and raw.endswith(b'"'):
        raw = _QUOTED.sub(lambda m: bytes([int(m[1], 8) & 0xFF]) if m[1] else _ESCAPES.get(m[2], m[2]), raw[1:-1])
    return raw.decode("utf-8", "surrogateescape")


def _stripped(path: str) -> str:
    return _PREFIX.sub("", path, count=1) if _PREFIX.match(path) else path


def _is_plain(path: str) -> bool:
    try:
        check_path(path)
    except UsageError:
        return False
    return True


def _edits(file: _File, tree: Mapping[str, Entry], notes: list[str]) -> Iterator[Edit]:
    if file.old is None:
        yield _created(file)
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


def _created(file: _File) -> Create:
    path = file.new or ""
    content = b"".join(line for hunk in file.hunks for mark, line in hunk.lines if mark == "+")
    if any(hunk.old for hunk in file.hunks):
        raise UsageError(f"the diff creates {path} and has old lines of it; nothing was written", slug="diff")
    if file.new_mode == _LINK:
        return Create(path=path, entry=Entry(content=content, is_link=True))
    return Create(path=path, entry=Entry(content=content, mode=0o755 if file.new_mode == "100755" else 0o644))


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
