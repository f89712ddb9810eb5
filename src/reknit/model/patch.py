"""Patches: edits that go together, named by their content, each with its inverse.

A tree is a mapping from relative POSIX path to `Entry`; a path that is not a key does not exist.
`render(tree, edits)` never half-applies: it returns the new tree or raises `ConflictError`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal, assert_never

from reknit.errors import ConflictError, UsageError
from reknit.model.instant import check_instant

_BASE64: dict[str, Any] = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

#: Parts that no path of a patch may have: a hook written into .git would run outside every sandbox; an empty one makes a
#: path absolute, or another name for a file.
_NOWHERE = frozenset({"..", ".git", ".", ""})


def check_path(path: str) -> None:
    """Refuse a path that is absolute, climbs out of the tree, lies in git's own folder, or means nothing."""
    if "\0" in path or not _NOWHERE.isdisjoint(path.casefold().split("/")):
        raise UsageError(f"{path!r} is no plain path inside the project; nothing was read or written", slug="path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file or symbolic link of a tree."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _BASE64

    #: A file's bytes, or a link's target.
    content: bytes
    #: Permission bits; of no meaning for a link.
    mode: int = 0o644
    is_link: bool = False

    def digest(self) -> str:
        """Hash of kind, mode and content."""
        head = b"link" if self.is_link else b"%o" % stat.S_IMODE(self.mode)
        return hashlib.sha256(head + b"\0" + self.content).hexdigest()


Tree = Mapping[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span of one file replaced."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _BASE64

    path: str
    #: Byte offsets into the file as read, half open.
    start: int
    end: int
    old: bytes
    new: bytes
    kind: Literal["span"] = "span"

    def __post_init__(self) -> None:
        if self.start < 0 or self.end - self.start != len(self.old):
            raise UsageError(
                f"the span {self.start}:{self.end} of {self.path} does not hold its {len(self.old)} old bytes; "
                "it was not made",
                slug="span",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A file or link that was not there."""

    path: str
    entry: Entry
    kind: Literal["create"] = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """A file or link removed."""

    path: str
    entry: Entry
    kind: Literal["delete"] = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A file or link under another name, its content unchanged."""

    path: str
    to: str
    kind: Literal["rename"] = "rename"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A file's permission bits changed."""

    path: str
    old: int
    new: int
    kind: Literal["mode"] = "mode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relink:
    """A symbolic link's target changed."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _BASE64

    path: str
    old: bytes
    new: bytes
    kind: Literal["relink"] = "relink"


Edit = Span | Create | Delete | Rename | Mode | Relink


def render(tree: Tree, edits: Sequence[Edit]) -> dict[str, Entry]:
    """The tree after `edits`; spans first, each against the file as read, then the rest in order."""
    result = dict(tree)
    for path, spans in _spans_by_path(edits).items():
        result[path] = _splice(path, _file(result, path), spans)
    for edit in edits:
        if not isinstance(edit, Span):
            _apply_whole(result, edit)
    _check_shape(result, result.keys() - tree.keys())
    return result


def invert(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits that undo `edits`: `render(render(t, e), invert(e)) == t`."""
    #: The path that a file has by now → the spans that take its content back.
    spans = {path: _invert_spans(group) for path, group in _spans_by_path(edits).items()}
    whole: list[Edit] = []
    for edit in edits:
        if isinstance(edit, Span):
            continue
        undo = _invert_whole(edit)
        if isinstance(edit, Rename) and edit.path in spans:
            spans[edit.to] = spans.pop(edit.path)
        elif isinstance(undo, Create) and undo.path in spans:
            # Spans come first in the inverse too, when this file is not back yet: it comes back as it was before them.
            undo = replace(undo, entry=_splice(undo.path, undo.entry, spans.pop(undo.path)))
        whole.insert(0, undo)
    return (*(replace(s, path=path) for path, group in spans.items() for s in group), *whole)


def _spans_by_path(edits: Iterable[Edit]) -> dict[str, list[Span]]:
    groups: dict[str, list[Span]] = {}
    for edit in edits:
        if isinstance(edit, Span):
            groups.setdefault(edit.path, []).append(edit)
    for group in groups.values():
        group.sort(key=lambda s: (s.start, s.end))
    return groups


def _file(tree: Tree, path: str) -> Entry:
    entry = tree.get(path)
    if entry is None or entry.is_link:
        raise ConflictError(path, why="is no longer a file")
    return entry


def _splice(path: str, entry: Entry, spans: Sequence[Span]) -> Entry:
    out, at = bytearray(), 0
    for span in spans:
        # The end is compared as well: an empty slice beyond the file equals an empty `old`.
        if span.start < at or span.end > len(entry.content) or entry.content[span.start : span.end] != span.old:
            raise ConflictError(path)
        out += entry.content[at : span.start] + span.new
        at = span.end
    return replace(entry, content=bytes(out + entry.content[at:]))


def _check_shape(tree: Tree, added: Iterable[str]) -> None:
    """Refuse a tree that no disk can hold: one path inside another that is a file."""
    for path in added:
        for parent in map(str, PurePosixPath(path).parents):
            if parent in tree:
                raise ConflictError(path, why=f"would lie inside {parent}, which is a file")
        inside = next((p for p in tree if p.startswith(path + "/")), None)
        if inside is not None:
            raise ConflictError(path, why=f"is a folder: {inside} lies in it")


def _invert_spans(spans: Sequence[Span]) -> list[Span]:
    shift, undo = 0, []
    for span in spans:
        start = span.start + shift
        undo.append(replace(span, start=start, end=start + len(span.new), old=span.new, new=span.old))
        shift += len(span.new) - len(span.old)
    return undo


def _apply_whole(tree: dict[str, Entry], edit: Create | Delete | Rename | Mode | Relink) -> None:
    match edit:
        case Create():
            if edit.path in tree:
                raise ConflictError(edit.path, why="exists already")
            tree[edit.path] = edit.entry
        case Delete():
            found = tree.get(edit.path)
            if found is None or found.digest() != edit.entry.digest():  # a link's mode has no meaning
                raise ConflictError(edit.path)
            del tree[edit.path]
        case Rename():
            if edit.path not in tree or edit.to in tree:
                raise ConflictError(edit.to if edit.to in tree else edit.path)
            tree[edit.to] = tree.pop(edit.path)
        case Mode():
            entry = _file(tree, edit.path)
            if entry.mode != edit.old:
                raise ConflictError(edit.path, why="has other permissions than when the patch was made")
            tree[edit.path] = replace(entry, mode=edit.new)
        case Relink():
            old = tree.get(edit.path)
            if old is None or not old.is_link or old.content != edit.old:
                raise ConflictError(edit.path)
            tree[edit.path] = replace(old, content=edit.new)
        case _:
            assert_never(edit)


def _invert_whole(edit: Create | Delete | Rename | Mode | Relink) -> Edit:
    match edit:
        case Create():
            return Delete(path=edit.path, entry=edit.entry)
        case Delete():
            return Create(path=edit.path, entry=edit.entry)
        case Rename():
            return Rename(path=edit.to, to=edit.path)
        case Mode():
            return replace(edit, old=edit.new, new=edit.old)
        case Relink():
            return replace(edit, old=edit.new, new=edit.old)
        case _:
            assert_never(edit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who proposed a patch, and how dear the idea was."""

    #: "search" for the offline engine; "user" for a diff that was handed in.
    proposer: str
    operator: str = ""
    #: One line for people, such as "`<=` instead of `<`".
    note: str = ""
    #: −log prior, in nats.
    cost: float = 0.0
    #: The step of the runner's ladder in which the search saw it pass; "" where it was not tried there.
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Facts about a patch that do not make it another patch."""

    created: dt.datetime
    author: str
    #: Of reknit.
    version: str

    def __post_init__(self) -> None:
        check_instant(self.created, "the time of a patch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Edits that go together."""

    edits: tuple[Edit, ...]
    #: Path → `Entry.digest()` of every file touched, as it was read; a created path maps to "".
    base: Mapping[str, str]
    confidence: float
    origin: Origin
    metadata: Metadata

    def __post_init__(self) -> None:
        if not self.edits:
            raise UsageError("a patch without edits changes nothing; it was not made", slug="empty-patch")
        if not 0.0 <= self.confidence <= 1.0:
            raise UsageError(f"confidence {self.confidence} is outside [0, 1]", slug="confidence")
        for path in self.files:
            check_path(path)

    @property
    def files(self) -> tuple[str, ...]:
        """Every path that is read or written, sorted."""
        paths = {e.path for e in self.edits} | {e.to for e in self.edits if isinstance(e, Rename)}
        return tuple(sorted(paths))

    @property
    def id(self) -> str:
        """16 hex digits of a hash over edits and base: the same content has the same name everywhere."""
        spans = sorted((e for e in self.edits if isinstance(e, Span)), key=lambda s: (s.path, s.start, s.end))
        # The order of `render`: where a span stands among the edits makes no difference.
        edits = (*spans, *(e for e in self.edits if not isinstance(e, Span)))
        text = json.dumps(
            [[_plain(e) for e in edits], sorted(self.base.items())], sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def render(self, tree: Tree) -> dict[str, Entry]:
        """The tree with this patch; `ConflictError` where a file is not as it was read."""
        for path, digest in self.base.items():
            entry = tree.get(path)
            if (entry.digest() if entry else "") != digest:
                raise ConflictError(path)
        return render(tree, self.edits)

    def invert(self, tree: Tree) -> Patch:
        """The patch that takes this one back, made for `self.render(tree)`."""
        after = self.render(tree)
        base = {p: after[p].digest() if p in after else "" for p in self.files}
        return replace(self, edits=invert(self.edits), base=base)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (str, int, bool)):
        return value
    return {name: _plain(getattr(value, name)) for name in type(value).__slots__ if name != "__pydantic_config__"}
