"""What earlier runs found out, so that the next one need not: keyed by the content of all that it depends on.

coverage    test → the project's lines that it ran; only a help to find suspects, and good as long as none of its files
            has changed
rejected    candidates that a failing test spoke against
flaky       tests that change by themselves

The last two decide something, so they are good only as long as nothing has changed: interpreter, packages, environment,
isolation, arguments, reknit itself, what the test says, the content of the suite's modules, and size and time of every
other file of the project, or of a large one those that are near to what the tests use (`footprint`).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reknit.errors import UsageError
from reknit.model import codec
from reknit.model.outcome import Rejected
from reknit.runner.base import SuiteRun

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
    #: Marks that change with any file, and with any but these; None where there are too many to look at.
    footprint: Callable[[Collection[str]], tuple[str, str] | None]
    #: Reknit's version, the tests' environment and arguments.
    setting: str
    salt: str = ""
    _files: frozenset[str] = frozenset()
    _moment: str | None = None
    #: Size and time of every file then: quick to compare.
    _stamp: str | None = None
    _known: dict[str, str] = field(default_factory=dict)

    def at(self, run: SuiteRun) -> None:
        """From now on where this run took place."""
        facts = run.facts
        packages = sorted(facts.packages.items())
        self.salt = _hash([self.setting, facts.python, facts.executable, packages, run.isolation, run.view])
        self._files = frozenset({*facts.files, *(t.split("::")[0] for t in run.collected)})
        self._stamp = self._moment = None
        if run.bad and (seen := self.footprint(self._files)) is not None:
            self._stamp, others = seen
            self._moment = _hash([others, sorted(self._digests(self._files).items())])

    def coverage(self) -> dict[str, Lines]:
        """Test → path → lines, of tests whose files are as they were; "" holds what ran at import of such files."""
        known = self._load("coverage", self.salt)
        if not isinstance(known, dict):
            return {}
        changed = self._changed(known["digests"])
        tests: dict[str, dict[str, list[int]]] = known["tests"]
        run_in_tests = {p for test, lines in tests.items() if test for p in lines}
        # A conftest, or a module of constants, may change what any test runs.
        if any(p.rpartition("/")[2] == "conftest.py" or p not in run_in_tests for p in changed):
            return {}
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

    def fault_key(self, tests: Sequence[str], run: SuiteRun) -> str | None:
        """What the rejection of a candidate depends on; None where that cannot be told."""
        said = [(f.type, f.message) for t in tests if (f := run.tests[t].failure) is not None]
        return self._key("fault", list(tests), said)

    def unchanged(self) -> bool:
        """Whether the project's files are still those of the run: what was learned since may be kept."""
        return self._moment is not None and (self.footprint(self._files) or (None,))[0] == self._stamp

    def _key(self, *about: object) -> str | None:
        return None if self._moment is None else _hash([self.salt, self._moment, about])

    def tried(self, key: str | None) -> Tried:
        """What was rejected under the key of a fault."""
        if key is None:
            return Tried()
        ids, near = self.recall("rejected", key), self.recall("near", key)
        if ids is None or near is None or len(ids) % _ID_BYTES:
            return Tried()
        try:
            known: tuple[Rejected, ...] = codec.loads(tuple[Rejected, ...], near)
        except UsageError:  # written by another version
            return Tried()
        return Tried(ids=frozenset(ids[i : i + _ID_BYTES] for i in range(0, len(ids), _ID_BYTES)), near=known)

    def keep_tried(self, key: str | None, tried: Tried) -> None:
        """Remember what was rejected."""
        if key is not None and self.unchanged():
            self.keep("rejected", key, b"".join(sorted(tried.ids)))
            self.keep("near", key, codec.dumps(tuple[Rejected, ...], tried.near))

    def flaky(self, test: str) -> str | None:
        """Why a test is known to be flaky."""
        key = self._key("flaky", test)
        known = None if key is None else self.recall("flaky", key)
        return known.decode("utf-8", "replace") if known else None

    def keep_flaky(self, found: Mapping[str, str]) -> None:
        """Remember the flaky tests, with the reasons."""
        if found and self.unchanged():
            for test, why in found.items():
                if (key := self._key("flaky", test)) is not None:
                    self.keep("flaky", key, why.encode("utf-8", "replace"))

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
