"""What the tests of diffs have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reknit.lang.diff import Reading, read_diff
from reknit.model.patch import Entry, render

Tree = dict[str, Entry]
TEN = b"".join(b"line %d\n" % n for n in range(10))


def reading_of(tree: Mapping[str, Entry], diff: bytes) -> Reading:
    def there(paths: Iterable[str]) -> dict[str, Entry]:
        return {path: tree[path] for path in paths if path in tree}

    return read_diff(diff, there)


def after(tree: Mapping[str, Entry], diff: bytes) -> dict[str, Entry]:
    return render(tree, reading_of(tree, diff).edits)


def file(content: bytes, mode: int = 0o644) -> Entry:
    return Entry(content=content, mode=mode)


CHANGE = b"--- a/pkg/a.py\n+++ b/pkg/a.py\n@@ -2,3 +2,3 @@\n line 1\n-line 2\n+two\n line 3\n"
