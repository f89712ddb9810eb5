"""What the files of a unified diff are called in the project.

git writes `a/` and `b/` before names, or nothing (`--no-prefix`), and says in its header which; after "rename" and "copy" it
never writes a prefix. Other programs say nothing: of the two readings that is taken of which a file is there, and where
both are there, none is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reknit.errors import JournalError, UsageError
from reknit.model.patch import Entry, check_path

#: The files and links among these paths that exist.
Read = Callable[[Iterable[str]], Mapping[str, Entry]]
#: Old and new name; None: it is not there on that side.
Names = tuple[str | None, str | None]

_NOTHING = "/dev/null"
#: How GNU diff says that a file is not there, where it has no /dev/null.
_EPOCH = re.compile(r"(1970-01-01|1969-12-31) ")
_HEADER = "diff --git "
_QUOTED = re.compile(rb'\\(?:([0-7]{3})|(["\\abfnrtv]))')
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def named(files: Sequence[Any], read: Read) -> list[Names]:
    """Both names of each file of a parsed diff; `UsageError` where two files can be meant."""
    found: list[Names | None] = [_of_git(file) for file in files]
    plain = [_sides(file) for file, names in zip(files, found, strict=True) if names is None]
    readings = [_reading(sides, read) for sides in plain]
    usual = next((strip for strip in readings if strip is not None), None)
    rest = iter(zip(plain, readings, strict=True))
    return [names if names is not None else _one(*next(rest), usual, read) for names in found]


def info(file: Any) -> Sequence[str]:
    """The lines before the hunks."""
    return file.patch_info or ()


def moved(file: Any) -> tuple[str, str] | None:
    """Both names of what is renamed or copied."""
    heads = ("rename from", "rename to", "copy from", "copy to")
    words = {h: line[len(h) + 1 :].rstrip("\n") for line in info(file) for h in heads if line.startswith(f"{h} ")}
    for verb in ("rename", "copy"):
        if f"{verb} from" in words and f"{verb} to" in words:
            return _unquoted(words[f"{verb} from"]), _unquoted(words[f"{verb} to"])
    return None


def _of_git(file: Any) -> Names | None:
    """The names of a file under a header of git; None where there is none."""
    header = next((line[len(_HEADER) :].rstrip("\n") for line in info(file) if line.startswith(_HEADER)), None)
    if header is None:
        return None
    if both := moved(file):
        return both
    middle = len(header) // 2
    bare = header[:middle] if header[:middle] == header[middle + 1 :] and header[middle : middle + 1] == " " else None
    old, new = _sides(file, bare)
    return (old, new) if bare is not None else (_stripped(old), _stripped(new))


def _sides(file: Any, bare: str | None = None) -> Names:
    """Both names as they are written, unquoted; `bare`: that of both."""
    old, new = file.source_file, file.target_file
    is_new = old == _NOTHING or (_is_epoch(file.source_timestamp) and all(h.source_length == 0 for h in file))
    is_gone = new == _NOTHING or (_is_epoch(file.target_timestamp) and all(h.target_length == 0 for h in file))
    if is_new and is_gone:
        raise UsageError("the diff names a file that is on no side; nothing was written", slug="diff")
    return None if is_new else _unquoted(bare or old), None if is_gone else _unquoted(bare or new)


def _is_epoch(timestamp: str | None) -> bool:
    return bool(timestamp and _EPOCH.match(timestamp))


def _reading(sides: Names, read: Read) -> bool | None:
    """Whether the first folder is to be left out of the names; None where no file tells."""
    written = {path for path in sides if path is not None}
    if sides[0] is None:
        return None
    if len(written) == 2 and len(set(map(_stripped, written))) == 1:
        return True  # a/x and b/x, old/x and new/x
    bare = _there(written, read)
    short = _there({path for path in map(_stripped, written) if path is not None} - written, read)
    if bare and short:
        message = f"the diff may mean {min(bare)} or {min(short)}, and both are there; nothing was written"
        raise UsageError(message, slug="diff", hint="make it with `git diff`, which says how it writes names")
    return None if not bare and not short else bool(short)


def _one(sides: Names, strip: bool | None, usual: bool | None, read: Read) -> Names:
    """`diff -u` renames nothing: of two names (`a.py.orig`, `a.py`), that of the file that is there is meant."""
    if strip is None:
        strip = usual
    if strip is None:
        strip = all(path is None or path.startswith(("a/", "b/")) for path in sides)
    old, new = (_stripped(path) if strip else path for path in sides)
    if old is None or new is None or old == new:
        return old, new
    there = _there({old, new}, read)
    name = min(there, key=len) if there else new
    return name, name


def _there(paths: Iterable[str], read: Read) -> set[str]:
    """Those that are files or links of the project."""
    found: set[str] = set()
    for path in paths:
        try:
            check_path(path)
            found.update(read([path]))
        except (JournalError, UsageError):  # a folder, behind a link, or outside: not meant
            continue
    return found


def _unquoted(name: str) -> str:
    """A name as git writes it, which may be quoted as a string of C is."""
    raw = name.encode("latin-1")
    if len(raw) > 1 and raw.startswith(b'"') and raw.endswith(b'"'):
        raw = _QUOTED.sub(lambda m: bytes([int(m[1], 8) & 0xFF]) if m[1] else _ESCAPES.get(m[2], m[2]), raw[1:-1])
    return raw.decode("utf-8", "surrogateescape")


def _stripped(path: str | None) -> str | None:
    if path is None:
        return None
    _, slash, rest = path.partition("/")
    return rest if slash and rest else path
