"""How small the archive keeps small diffs, and what an entry costs.

The diffs are those that the commits of a repository made to a Python file, newest first, as the archive would have them;
merges are left out, and what has more than `--most` bytes. They go through the archive's own code into a database of its
own. With several repositories, each gives its share.

    python bench/archive.py [--repo PATH]... [--diffs 500] [--most 2048] [--times 100]

The last line is JSON: `ratio` of what is kept, the dictionary counted, to the plain size; `plain_ratio` the same without a
dictionary; microseconds of CPU of an entry in an open store, of one with opening and closing the store, of making the
diff, and of three times write, sync and rename, which is what a change of three files cannot do without. Bar: a ratio of at
most 0.45.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, cast

from reknit.lang.git_diff import git_diff
from reknit.model.patch import Entry
from reknit.store.archive import ArchiveEntry
from reknit.store.db import Store, record
from reknit.store.dictionary import DICTIONARIES, NEWEST

HERE = Path(__file__).resolve().parents[1]
ENTRY = ArchiveEntry(
    kind="apply",
    at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    id="0123456789ab",
    patch="0123456789abcdef",
    files=("a.py",),
    label="plausible",
    reason="heals tests/test_a.py::test_a",
)
NOTHING = "0" * 40
Images = dict[str, Entry | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did to a Python file."""

    before: Images
    after: Images


class Repository:
    """A git repository, read through two of its own programs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = subprocess.Popen(
            ["git", "-C", path, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.asked, self.told = (cast("IO[bytes]", stream) for stream in (self.objects.stdin, self.objects.stdout))

    def changes(self) -> Iterator[Change]:
        """Of each commit, newest first, file by file."""
        options = ["--raw", "--no-abbrev", "--no-renames", "--no-merges", "-z", "--format=%x01"]
        log = ["git", "-C", str(self.path), "log", *options, "--", "*.py"]
        done = subprocess.run(log, capture_output=True, check=True)
        for commit in done.stdout.decode("utf-8", "surrogateescape").split("\x01"):
            words = [word.strip("\n") for word in commit.split("\0") if word.strip("\n")]
            for about, path in zip(words[::2], words[1::2], strict=True):
                old_mode, new_mode, old, new, _ = about.lstrip(":").split(" ")
                yield Change({path: self.entry(old_mode, old)}, {path: self.entry(new_mode, new)})

    def entry(self, mode: str, name: str) -> Entry | None:
        """A file of the repository by the name of its content."""
        if name == NOTHING:
            return None
        self.asked.write(name.encode() + b"\n")
        self.asked.flush()
        size = int(self.told.readline().split()[2])
        content = self.told.read(size + 1)[:size]
        return Entry(content=content, mode=int(mode, 8) & 0o777, is_link=mode == "120000")

    def close(self) -> None:
        """End git."""
        self.objects.communicate()


def drawn(paths: list[Path], count: int, most: int) -> list[tuple[Change, bytes]]:
    """So many small diffs, the same share of each repository where it has so many."""
    found: list[tuple[Change, bytes]] = []
    for at, path in enumerate(paths):
        share = (count - len(found)) // (len(paths) - at)
        repository = Repository(path)
        texts = ((change, git_diff(change.before, change.after)) for change in repository.changes())
        found += islice(((change, text) for change, text in texts if 0 < len(text) <= most), share)
        repository.close()
    return found


def cpu(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU of one call, the least of five rounds."""
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - start) / times * 1e6)
    return round(min(rounds), 1)


def three_files(folder: Path) -> None:
    """What a change of three files cannot do without."""
    for number in range(3):
        new = folder / f"{number}.new"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(fd, b"x" * 2000)
        os.fsync(fd)
        os.close(fd)
        new.rename(folder / str(number))


def kept(path: Path, changes: list[tuple[Change, bytes]]) -> int:
    """Bytes of the bodies in an archive of these diffs."""
    with Store.open(path) as store:
        for change, text in changes:
            store.archive.add(replace(ENTRY, files=tuple(sorted(change.before)), body=text))
        return sum(row.packed for row in store.archive.entries())


def costs(folder: Path, changes: list[tuple[Change, bytes]], times: int) -> dict[str, float]:
    """Microseconds of CPU: of an entry, and of what it is to be compared with."""
    path = folder / "cost" / "store.db"
    change, text = sorted(changes, key=lambda one: len(one[1]))[len(changes) // 2]
    entry = replace(ENTRY, body=text)
    with Store.open(path) as store:
        warm = cpu(lambda: store.record(entry), times)
    return {
        "entry_us": warm,
        "cold_entry_us": cpu(lambda: record(path, entry, root=folder), times),
        "difference_us": cpu(lambda: git_diff(change.before, change.after), times),
        "three_files_us": cpu(lambda: three_files(folder), times),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repo", type=Path, action="append")
    parser.add_argument("--diffs", type=int, default=500)
    parser.add_argument("--most", type=int, default=2048)
    parser.add_argument("--times", type=int, default=100)
    asked = parser.parse_args()
    changes = drawn(asked.repo or [HERE], asked.diffs, asked.most)
    if not changes:
        sys.exit("no small diffs were found; nothing was measured")
    texts = [text for _, text in changes]
    size = sum(map(len, texts))
    with tempfile.TemporaryDirectory() as name:
        result = {
            "diffs": len(texts),
            "mean_bytes": round(size / len(texts)),
            "dictionary_bytes": len(DICTIONARIES[NEWEST]),
            "ratio": round((kept(Path(name) / "store.db", changes) + len(DICTIONARIES[NEWEST])) / size, 3),
            "plain_ratio": round(sum(len(zlib.compress(text)) for text in texts) / size, 3),
            **costs(Path(name), changes, asked.times),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
