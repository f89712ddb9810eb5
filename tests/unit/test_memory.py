"""What earlier runs found out is believed only as long as all that it depends on is the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import pytest

from reknit.memory import Memory, Tried
from reknit.model.outcome import Rejected
from reknit.runner.base import Failure, SuiteRun, TestRun
from tests.unit.verify.stage import FACTS, suite

COVERAGE = {
    "": {
        "a.py": frozenset({1}),
        "b.py": frozenset({1, 2}),
        "c.py": frozenset({1}),
        "t/conftest.py": frozenset({1}),
    },
    "t/test_a.py::one": {"a.py": frozenset({3, 4}), "t/test_a.py": frozenset({5})},
    "t/test_b.py::two": {"b.py": frozenset({7}), "t/test_b.py": frozenset({3})},
}
NEAR = Rejected(path="a.py", line=3, note="`<`", diff="-x\n+y\n", broke="breaks \udcff")


class Box:
    """A store, and a project whose files have these contents."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.files = {
            "a.py": "1",
            "b.py": "1",
            "c.py": "1",
            "t/conftest.py": "1",
            "t/test_a.py": "1",
            "t/test_b.py": "1",
        }
        #: Of other files; None: too many.
        self.data: str | None = "d"

    def memory(self, python: str = "3.12", setting: str = "", isolation: str = "bubblewrap") -> Memory:
        """As a new run has it."""

        def digests(paths: Iterable[str]) -> Mapping[str, str]:
            return {p: self.files[p] for p in paths if p in self.files}

        def footprint(used: Collection[str]) -> tuple[str, str] | None:
            mine = sorted(self.files.items())
            others = [(p, d) for p, d in mine if p not in used]
            return None if self.data is None else (f"{mine} {self.data}", f"{others} {self.data}")

        def keep(kind: str, key: str, value: bytes) -> None:
            self.kept[kind, key] = value

        memory = Memory(
            recall=lambda kind, key: self.kept.get((kind, key)),
            keep=keep,
            digests=digests,
            footprint=footprint,
            setting=setting,
        )
        memory.at(replace(run(), facts=replace(FACTS, python=python, files=("a.py", "b.py")), isolation=isolation))
        return memory


def run(message: str = "1 != 2") -> SuiteRun:
    failure = Failure(type="AssertionError", message=message)
    bad = TestRun(test="t/test_a.py::one", outcome="failed", seconds=0, failure=failure)
    return replace(suite({"t/test_a.py::one": "failed"}), tests={bad.test: bad})


class TestCoverage:
    def test_nothing_changed(self) -> None:
        box = Box()
        assert box.memory().coverage() == {}
        box.memory().keep_coverage(COVERAGE)
        assert box.memory().coverage() == COVERAGE

    @pytest.mark.parametrize(
        ("changed", "tests"),
        [
            ("a.py", {"t/test_b.py::two"}),
            ("t/test_a.py", {"t/test_b.py::two"}),
            ("b.py", {"t/test_a.py::one"}),
            ("t/test_b.py", {"t/test_a.py::one"}),
        ],
    )
    @pytest.mark.parametrize("gone", [False, True])
    def test_tests_of_a_changed_file_are_unknown(self, changed: str, tests: set[str], gone: bool) -> None:
        box = Box()
        box.memory().keep_coverage(COVERAGE)
        if gone:
            del box.files[changed]
        else:
            box.files[changed] = "2"
        known = box.memory().coverage()
        assert known.keys() - {""} == tests
        assert changed not in known[""]

    @pytest.mark.parametrize("changed", ["t/conftest.py", "c.py"])
    def test_a_conftest_and_a_module_of_constants_may_change_what_any_test_runs(self, changed: str) -> None:
        box = Box()
        box.memory().keep_coverage(COVERAGE)
        box.files[changed] = "2"
        assert box.memory().coverage() == {}

    def test_another_interpreter_or_other_arguments_know_nothing(self) -> None:
        box = Box()
        box.memory().keep_coverage(COVERAGE)
        assert box.memory(python="3.11").coverage() == {}
        assert box.memory(setting="-k one").coverage() == {}

    @pytest.mark.parametrize(
        "value", [b"", b"\0", b"x\x9c\x03\0\0\0\0\x01", b"x\x9c\xabV*\xcdK\xce\xcf-(J-.V\xb2R\xa8"]
    )
    def test_what_cannot_be_read_is_nothing(self, value: bytes) -> None:
        box = Box()
        box.memory().keep_coverage(COVERAGE)
        box.kept = dict.fromkeys(box.kept, value)
        assert box.memory().coverage() == {}


class TestTried:
    KNOWN = Tried(ids=frozenset({b"12345678", b"abcdefgh"}), near=(NEAR,))

    def key(self, memory: Memory, message: str = "1 != 2") -> str | None:
        return memory.fault_key(["t/test_a.py::one"], run(message))

    def remembered(self) -> Box:
        box = Box()
        memory = box.memory()
        assert memory.tried(self.key(memory)) == Tried()
        memory.keep_tried(self.key(memory), self.KNOWN)
        return box

    def test_what_was_rejected_is_known(self) -> None:
        memory = self.remembered().memory()
        assert memory.tried(self.key(memory)) == self.KNOWN

    @pytest.mark.parametrize("changed", ["a.py", "b.py", "t/test_a.py", "t/test_b.py", "new.py"])
    def test_any_file_counts(self, changed: str) -> None:
        box = self.remembered()
        box.files[changed] = "2"
        memory = box.memory()
        assert memory.tried(self.key(memory)) == Tried()

    def test_so_do_data_and_what_the_test_says_and_where_it_runs(self) -> None:
        box = self.remembered()
        memories = [box.memory(python="3.13"), box.memory(setting="TZ"), box.memory(isolation="none")]
        assert all(m.tried(self.key(m)) == Tried() for m in memories)
        memory = box.memory()
        assert memory.tried(self.key(memory, "1 != 3")) == Tried()
        box.data = "other"
        memory = box.memory()
        assert memory.tried(self.key(memory)) == Tried()

    @pytest.mark.parametrize("when", ["at first", "meanwhile"])
    def test_where_there_are_too_many_files_nothing_is_known(self, when: str) -> None:
        box = Box()
        box.data = None if when == "at first" else "d"
        memory = box.memory()
        box.data = None
        key = self.key(memory)
        memory.keep_tried(key, self.KNOWN)
        assert (memory.tried(key), box.kept) == (Tried(), {})

    def test_what_was_learned_while_a_file_changed_is_not_kept(self) -> None:
        box = Box()
        memory = box.memory()
        key = self.key(memory)
        box.files["a.py"] = "2"
        memory.keep_tried(key, self.KNOWN)
        memory.keep_flaky({"t/test_a.py::one": "it changes"})
        assert box.kept == {}

    @pytest.mark.parametrize(("kind", "value"), [("rejected", b"odd"), ("near", b"{}"), ("near", b"\xff")])
    def test_what_cannot_be_read_is_nothing(self, kind: str, value: bytes) -> None:
        box = self.remembered()
        memory = box.memory()
        key = self.key(memory)
        assert key is not None
        box.kept[kind, key] = value
        assert memory.tried(key) == Tried()


class TestFlaky:
    @pytest.mark.parametrize("changed", ["a.py", "b.py", "c.py", "t/conftest.py", "new.json"])
    def test_known_as_long_as_nothing_has_changed(self, changed: str) -> None:
        box = Box()
        box.memory().keep_flaky({"t/test_a.py::one": "it changes"})
        assert box.memory().flaky("t/test_a.py::one") == "it changes"
        assert box.memory().flaky("t/test_b.py::two") is None
        box.files[changed] = "2"
        assert box.memory().flaky("t/test_a.py::one") is None
