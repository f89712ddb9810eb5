"""What earlier runs found out, so that the next one need not: keyed by the content of all that it depends on.

coverage    test → the project's lines that it ran, good as long as none of its files has changed
rejected    candidates that tests spoke against, good as long as no file that the suite imports, and no data file, has
            changed
flaky       tests that change by themselves, good as long as none of their files has changed

Nothing is believed of a key that differs in a byte, so an answer is the same with it and without it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reknit.errors import UsageError
from reknit.model import codec
from reknit.model.outcome import Rejected
from reknit.runner.base import Facts, SuiteRun

#: Lines of all tests together; a map that is larger is made anew each time.
_MOST_LINES = 3_000_000
_ID_BYTES = 8

Lines = Mapping[str, frozenset[int]]
Digests = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Candidates that were rejected before, and those that came nearest."""

    ids: frozenset[bytes] = frozenset()
    near: tuple[Rejected, ...] = ()


@dataclass(slots=True, kw_only=True)
class Memory:
    """The memory of one project."""

    recall: Callable[[str, str], bytes | None]
    keep: Callable[[str, str, bytes], None]
    #: The digest of a file's content by its path; none for one that is not there.
    digests: Callable[[Iterable[str]], Digests]
    #: A mark that changes with any file that is no module, of those that tests may read.
    data: Callable[[], str]
    #: Interpreter, packages and arguments: what every answer depends on.
    salt: str = ""
    _known: dict[str, str] = field(default_factory=dict)

    def at(self, facts: Facts, arguments: Sequence[str]) -> None:
        """From now on in this interpreter and with these pytest arguments."""
        self.salt = _hash([facts.python, facts.executable, sorted(facts.packages.items()), list(arguments)])

    def coverage(self) -> dict[str, Lines]:
        """Test → path → lines, of tests whose files are as they were; "" holds what ran at import of such files."""
        known = self._load("coverage", self.salt)
        if not isinstance(known, dict):
            return {}
        changed = self._changed(known["digests"])
        if any(p.rpartition("/")[2] == "conftest.py" for p in changed):
            return {}
        tests: dict[str, dict[str, list[int]]] = known["tests"]
        imported = tests.pop("", {})
        good = {t: _frozen(lines) for t, lines in tests.items() if changed.isdisjoint({*lines, t.split("::")[0]})}
        return {**good, "": {p: lines for p, lines in _frozen(imported).items() if p not in changed}}

    def keep_coverage(self, coverage: Mapping[str, Lines]) -> None:
        """Remember a whole map."""
        if sum(len(some) for lines in coverage.values() for some in lines.values()) > _MOST_LINES:
            return
        paths = {p for lines in coverage.values() for p in lines} | {t.split("::")[0] for t in coverage if t}
        tests = {t: {p: sorted(some) for p, some in lines.items()} for t, lines in coverage.items()}
        self._save("coverage", self.salt, {"digests": dict(self._digests(paths)), "tests": tests})

    def fault_key(self, tests: Sequence[str], run: SuiteRun, fuel: int | None) -> str:
        """What the rejection of a candidate depends on: the failing tests, what they say, and every file they may read."""
        files = {*run.facts.files, *(t.split("::")[0] for t in run.collected)}
        said = [(f.type, f.message) for t in tests if (f := run.tests[t].failure) is not None]
        return _hash([self.salt, list(tests), said, fuel, self.data(), sorted(self._digests(files).items())])

    def tried(self, key: str) -> Tried:
        """What was rejected under the key of a fault."""
        ids, near = self.recall("rejected", key), self.recall("near", key)
        if ids is None or near is None or len(ids) % _ID_BYTES:
            return Tried()
        try:
            known: tuple[Rejected, ...] = codec.loads(tuple[Rejected, ...], near)
        except UsageError:  # written by another version
            return Tried()
        return Tried(ids=frozenset(ids[i : i + _ID_BYTES] for i in range(0, len(ids), _ID_BYTES)), near=known)

    def keep_tried(self, key: str, tried: Tried) -> None:
        """Remember what was rejected."""
        self.keep("rejected", key, b"".join(sorted(tried.ids)))
        self.keep("near", key, codec.dumps(tuple[Rejected, ...], tried.near))

    def flaky(self, test: str) -> str | None:
        """Why a test is known to be flaky."""
        known = self._load("flaky", _hash([self.salt, test]))
        return str(known["why"]) if isinstance(known, dict) and not self._changed(known["digests"]) else None

    def keep_flaky(self, test: str, why: str, paths: Iterable[str]) -> None:
        """Remember that a test, which runs lines of these files, is flaky."""
        files = {*paths, test.split("::", maxsplit=1)[0]}
        self._save("flaky", _hash([self.salt, test]), {"why": why, "digests": dict(self._digests(files))})

    def _changed(self, then: Digests) -> set[str]:
        now = self._digests(then)
        return {path for path, digest in then.items() if now.get(path) != digest}

    def _digests(self, paths: Iterable[str]) -> Digests:
        """Digests by path, each file read once a run."""
        wanted = set(paths)
        self._known |= self.digests(wanted - self._known.keys())
        return {path: self._known[path] for path in wanted if path in self._known}

    def _load(self, kind: str, key: str) -> object:
        packed = self.recall(kind, key)
        try:
            return None if packed is None else json.loads(zlib.decompress(packed))
        except (zlib.error, ValueError):
            return None

    def _save(self, kind: str, key: str, value: object) -> None:
        self.keep(kind, key, zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1))


def _frozen(lines: Mapping[str, Sequence[int]]) -> dict[str, frozenset[int]]:
    return {path: frozenset(some) for path, some in lines.items()}


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
