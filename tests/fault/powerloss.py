"""A program of its own: loses power at every call of an act, on a disk that keeps only what was synced.

`powerloss.py VERB MUTANT FOLDER` prints one JSON object: how many disks were looked at, and what was wrong with any. With
a mutant of the product that does not sync something, there must be something wrong.

The model, harsher than any file system in use: a file's bytes and mode are safe only once the file is synced, until then
any beginning of them may be there; what happens to a folder's entries (made, renamed, exchanged, removed) is safe only
once the folder is synced, until then each step may be on disk or not, whatever came before and after it, and whatever is
on disk of other folders. A rename or an exchange within a folder is one step. The calls come from a recorded run.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fault import strace
from tests.fault.crash import DONE, EDITS, Bed, Look, act, judge
from tests.unit.apply.place import NOW, Place

#: Disks that are drawn for each call, beside the one with all that was not synced, and the one with nothing of it.
_DRAWN = 6
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?')
_FD = re.compile(r"(?:AT_FDCWD|\d+)<((?:[^>\\]|\\.)*)>")


@dataclass(eq=False)
class File:
    """Bytes and mode, as programs see them, and as they are safe."""

    content: bytes = b""
    mode: int = 0o600
    safe: tuple[bytes, int] = (b"", 0o600)


@dataclass(eq=False)
class Link:
    target: bytes


@dataclass(eq=False)
class Folder:
    """Entries, as programs see them and as they are safe, and the steps between that are not."""

    entries: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)
    steps: list[dict[str, Node | None]] = field(default_factory=list)
    mode: int = 0o755

    def change(self, step: dict[str, Node | None]) -> None:
        self.steps.append(step)
        _take(self.entries, step)

    def sync(self) -> None:
        self.safe = dict(self.entries)
        self.steps.clear()


Node = File | Link | Folder


def _take(entries: dict[str, Node], step: dict[str, Node | None]) -> None:
    for name, node in step.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


class Disk:
    """A tree of files on a disk, below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.top = _load(root)

    def at(self, path: str) -> Node | None:
        node: Node | None = self.top
        for part in Path(path).relative_to(self._root).parts:
            node = node.entries.get(part) if isinstance(node, Folder) else None
        return node

    def folder(self, path: str) -> tuple[Folder, str]:
        found = self.at(str(Path(path).parent))
        assert isinstance(found, Folder), path
        return found, Path(path).name

    def call(self, name: str, strings: list[bytes], fds: list[str], words: str) -> None:
        """One call that has succeeded."""
        paths = _paths(strings, fds)
        if not paths or not Path(paths[0] if name != "symlinkat" else paths[-1]).is_relative_to(self._root):
            return
        match name:
            case "openat" if "O_CREAT" in words:
                folder, entry = self.folder(paths[0])
                if entry not in folder.entries:
                    folder.change({entry: File()})
            case "write":
                file = self.at(fds[0])
                assert isinstance(file, File), fds
                file.content += strings[0]
            case "fchmod":
                file = self.at(fds[0])
                assert isinstance(file, File), fds
                file.mode = int(words.rpartition(", ")[2], 8)
            case "fsync":
                node = self.at(fds[0])
                if isinstance(node, File):
                    node.safe = node.content, node.mode
                elif isinstance(node, Folder):
                    node.sync()
            case "mkdir" | "mkdirat":
                folder, entry = self.folder(paths[0])
                folder.change({entry: Folder()})
            case "symlinkat":
                folder, entry = self.folder(paths[-1])
                folder.change({entry: Link(strings[0])})
            case "unlink" | "unlinkat" | "rmdir":
                folder, entry = self.folder(paths[0])
                folder.change({entry: None})
            case "rename" | "renameat" | "renameat2":
                self._rename(paths[0], paths[1], swap="RENAME_EXCHANGE" in words)
            case "openat" | "utimensat" | "fchown" | "fsetxattr":
                pass
            case _:
                raise AssertionError(f"the model does not know {name}")

    def _rename(self, source: str, target: str, *, swap: bool) -> None:
        (folder, name), (other, new) = self.folder(source), self.folder(target)
        assert folder is other, "the model knows renames within a folder only"
        folder.change({new: folder.entries[name], name: folder.entries.get(new) if swap else None})

    def lose_power(self, draw: random.Random, *, kept: bool | None) -> None:
        """Write what may be on disk where the real tree is: all that was not synced, nothing of it, or by chance."""
        shutil.rmtree(self._root)
        _store(self.top, self._root, draw, kept)


def _load(path: Path) -> Folder:
    folder = Folder(mode=stat.S_IMODE(path.stat().st_mode))
    for entry in sorted(path.iterdir()):
        if entry.is_symlink():
            folder.entries[entry.name] = Link(os.fsencode(entry.readlink()))
        elif entry.is_dir():
            folder.entries[entry.name] = _load(entry)
        else:
            content, mode = entry.read_bytes(), stat.S_IMODE(entry.stat().st_mode)
            folder.entries[entry.name] = File(content, mode, (content, mode))
    folder.sync()
    return folder


def _store(folder: Folder, path: Path, draw: random.Random, kept: bool | None) -> None:
    path.mkdir()
    path.chmod(folder.mode)
    entries = dict(folder.safe)
    for step in folder.steps:
        if kept or (kept is None and draw.random() < draw.choice([0.2, 0.5, 0.8])):
            _take(entries, step)
    for name, node in entries.items():
        if isinstance(node, Folder):
            _store(node, path / name, draw, kept)
        elif isinstance(node, Link):
            (path / name).symlink_to(os.fsdecode(node.target))
        else:
            content, mode = _on_disk(node, draw, kept)
            (path / name).write_bytes(content)
            (path / name).chmod(mode)


def _on_disk(file: File, draw: random.Random, kept: bool | None) -> tuple[bytes, int]:
    if kept is not None:
        return (file.content, file.mode) if kept else file.safe
    if (file.content, file.mode) == file.safe:
        return file.safe
    end = draw.choice([0, len(file.content) // 2, len(file.content)])
    return draw.choice([file.safe, (file.content[:end], draw.choice([file.mode, file.safe[1]]))])


def _paths(strings: list[bytes], fds: list[str]) -> list[str]:
    """Absolute paths of the strings, each below the descriptor before it; or the descriptors' own."""
    if not strings:
        return fds
    names = [os.fsdecode(s) for s in strings]
    if fds and len(fds) == len(names) - 1:  # symlinkat("target", folder, "name")
        names = names[1:]
    base = fds or [""] * len(names)
    return [str(Path(folder) / name) for folder, name in zip(base, names, strict=False)]


def _parsed(line: str) -> tuple[str, list[bytes], list[str], str] | None:
    """Name, strings, descriptors' paths and all words of a call; None for one that failed."""
    found = _LINE.match(line)
    if found is None or int(found[3]) < 0:
        return None
    strings = _STRING.findall(found[2])
    assert not any(cut for _, cut in strings), f"cut short: {line[:80]}"
    words = _STRING.sub('""', found[2])
    return (
        found[1],
        [_unescaped(s) for s, _ in strings],
        [os.fsdecode(_unescaped(p)) for p in _FD.findall(words)],
        words,
    )


def _unescaped(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def record(bed: Bed, place: Place, mutant: str) -> list[str]:
    """The calls of the act, done by a product that syncs everything, or by a mutant that does not."""
    patch = place.patch(*EDITS) if bed.verb == "apply" else None

    def work() -> None:
        _mutate(mutant)
        if patch:
            place.journal.apply(patch, verdicts=(), now=NOW)
        else:
            act(place, bed.verb)

    ending = strace.run(work, bed.scratch, options=("-y", "-s", "1000000"))
    assert ending.status == 0, ending.said
    return ending.calls


def _mutate(mutant: str) -> None:
    """Let `os.fsync` do nothing: for "all", or for "files" or "folders" only."""
    real = os.fsync

    def fsync(fd: Any) -> None:
        kind = "folders" if stat.S_ISDIR(os.fstat(fd).st_mode) else "files"
        if mutant not in ("all", kind):
            real(fd)

    os.fsync = fsync


def lose(bed: Bed, mutant: str, draw: random.Random) -> Iterator[str | None]:
    """Loses power before the first call, after each, and at the end, when the act must be there."""
    old, new = bed.sides()
    place = bed.fresh()
    disk = Disk(bed.folder)
    recorded = [call for line in record(bed, place, mutant) if (call := _parsed(line))]
    calls = [call for call in recorded if call[0] != "openat" or "O_CREAT" in call[3]]
    for at in range(len(calls) + 1):
        if at:
            disk.call(*calls[at - 1])
        for kept in (True, False, *[None] * _DRAWN):
            disk.lose_power(draw, kept=kept)
            wrong = _judged(bed, place, old, new, last=at == len(calls))
            yield wrong and f"after {at} calls ({calls[at - 1][0] if at else 'none'}), kept {kept}: {wrong}"


def _judged(bed: Bed, place: Place, old: Look, new: Look, *, last: bool) -> str | None:
    try:
        place.journal.recover()
        if last and (place.look() != new or len(place.journal.history()) != DONE[bed.verb]):
            return "it was done, and is lost"
        return judge(bed, place, old, new)
    except Exception as exc:  # noqa: BLE001 - any is a finding
        return repr(exc)


def main(verb: str, mutant: str, folder: str) -> None:
    found = list(lose(Bed(verb, Path(folder)), mutant, random.Random(7)))
    sys.stdout.write(json.dumps({"disks": len(found), "problems": [problem for problem in found if problem]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
