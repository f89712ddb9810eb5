"""What earlier runs found out is believed only as long as all that it depends on is the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from reknit.memory import Memory, Tried
from reknit.model.outcome import Rejected
from reknit.runner.base import Failure, SuiteRun, TestRun
from tests.unit.verify.stage import FACTS, suite

COVERAGE = {
    "": {"a.py": frozenset({1}), "b.py": frozenset({1, 2}), "t/conftest.py": frozenset({1})},
    "t/test_a.py::one": {"a.py": frozenset({3, 4}), "t/test_a.py": frozenset({5})},
    "t/test_b.py::two": {"b.py": frozenset({7})},
}
NEAR = Rejected(path="a.py", line=3, note="`<`", diff="-x\n+y\n", broke="breaks \udcff")


class Box:
    """A store, and a project whose files have these contents."""

    def __init__(self, **files: str) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.files = {"a.py": "1", "b.py": "1", "t/conftest.py": "1", "t/test_a.py": "1", "t/test_b.py": "1", **files}
        self.data = "d"

    def memory(self, python: str = "3.12", arguments: tuple[str, ...] = ()) -> Memory:
        """As a new run has it."""

        def digests(paths: Iterable[str]) -> Mapping[str, str]:
            return {p: self.files[p] for p in paths if p in self.files}

        def keep(kind: str, key: str, value: bytes) -> None:
            self.kept[kind, key] = value

        memory = Memory(
            recall=lambda kind, key: self.kept.get((kind, key)), keep=keep, digests=digests, data=lambda: self.data
        )
        memory.at(replace(FACTS, python=python), arguments)
        return memory


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

    def test_a_conftest_may_change_what_any_test_runs(self) -> None:
        box = Box()
        box.memory().keep_coverage(COVERAGE)
        box.files["t/conftest.py"] = "2"
        assert box.memory().coverage() == {}

    def test_another_interpreter_or_other_arguments_know_nothing(self) -> None:
        box = Box()
        box.memory().keep_coverage(COVERAGE)
        assert box.memory(python="3.11").coverage() == {}
        assert box.memory(arguments=("-k", "one")).coverage() == {}

    @pytest.mark.parametrize(
        "value", [b"", b"\0", b"x\x9c\x03\0\0\0\0\x01", b"x\x9c\xabV*\xcdK\xce\xcf-(J-.V\xb2R\xa8"]
    )
    def test_what_cannot_be_read_is_nothing(self, value: bytes) -> None:
        box = Box()
        box.memory().keep_coverage(COVERAGE)
        box.kept = dict.fromkeys(box.kept, value)
        assert box.memory().coverage() == {}


class TestTried:
    def run(self, message: str = "1 != 2") -> SuiteRun:
        failure = Failure(type="AssertionError", message=message)
        bad = TestRun(test="t/test_a.py::one", outcome="failed", seconds=0, failure=failure)
        run = suite({"t/test_a.py::one": "failed"})
        return replace(run, tests={bad.test: bad}, facts=replace(FACTS, files=("a.py", "b.py")))

    def key(self, box: Box, *, message: str = "1 != 2", fuel: int | None = None) -> str:
        return box.memory().fault_key(["t/test_a.py::one"], self.run(message), fuel)

    def test_what_was_rejected_is_known(self) -> None:
        box = Box()
        assert box.memory().tried(self.key(box)) == Tried()
        tried = Tried(ids=frozenset({b"12345678", b"abcdefgh"}), near=(NEAR,))
        box.memory().keep_tried(self.key(box), tried)
        assert box.memory().tried(self.key(box)) == tried

    @pytest.mark.parametrize("changed", ["a.py", "b.py", "t/test_a.py"])
    def test_any_file_that_the_suite_imports_counts(self, changed: str) -> None:
        box = Box()
        before = self.key(box)
        box.files[changed] = "2"
        assert self.key(box) != before

    def test_so_do_data_what_the_test_says_and_fuel(self) -> None:
        box = Box()
        keys = {self.key(box), self.key(box, message="1 != 3"), self.key(box, fuel=7)}
        box.data = "other"
        assert len({*keys, self.key(box)}) == 4

    @pytest.mark.parametrize(("kind", "value"), [("rejected", b"odd"), ("near", b"{}"), ("near", b"\xff")])
    def test_what_cannot_be_read_is_nothing(self, kind: str, value: bytes) -> None:
        box = Box()
        key = self.key(box)
        box.memory().keep_tried(key, Tried(ids=frozenset({b"12345678"}), near=(NEAR,)))
        box.kept[kind, key] = value
        assert box.memory().tried(key) == Tried()


class TestFlaky:
    def test_known_as_long_as_its_code_is_the_same(self) -> None:
        box = Box()
        box.memory().keep_flaky("t/test_a.py::one", "it changes", ["a.py"])
        assert box.memory().flaky("t/test_a.py::one") == "it changes"
        assert box.memory().flaky("t/test_b.py::two") is None
        box.files["b.py"] = "2"
        assert box.memory().flaky("t/test_a.py::one") == "it changes"
        box.files["t/test_a.py"] = "2"
        assert box.memory().flaky("t/test_a.py::one") is None
