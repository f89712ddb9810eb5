"""The gate: all checks must pass, on the bytes that would be written, and the label follows."""

from __future__ import annotations

import time

import pytest

from reknit.errors import ConflictError
from reknit.model.patch import Create, Delete, Entry, Patch, Span, Tree
from reknit.model.verdict import CheckStatus, Label, Safety, Verdict
from reknit.runner.base import SuiteRun
from reknit.verify.gate import judge
from reknit.verify.suite import SuiteCheck
from tests.unit.verify.stage import TREE, ScriptedRunner, patch, suite

BEFORE = suite({"red": "failed"})


def verdict(one: Patch, *answers: SuiteRun, tree: Tree = TREE) -> tuple[Verdict, float, ScriptedRunner]:
    runner = ScriptedRunner(list(answers))
    check = SuiteCheck(runner=runner, baseline=BEFORE, must_pass=("red",), whole=True, selected=False, hang_seconds=1)
    word, cpu = judge(one, tree, check, is_test=lambda p: p.startswith("tests/"), deadline=time.monotonic() + 60)
    return word, cpu, runner


def test_a_patch_that_passes_is_plausible_and_no_more() -> None:
    word, cpu, runner = verdict(patch(), suite({"red": "passed"}))
    assert (word.label, word.safety, word.passed, cpu) == (Label.PLAUSIBLE, Safety.UNSAFE, True, 1.0)
    assert [c.check for c in word.checks] == ["scope", "tests"]
    assert (word.patch_id, word.isolation, word.view) == (patch().id, "bubblewrap", "overlay")
    assert runner.asked[0]["files"] == {"a.py": b"x = 2\n"}


def test_a_patch_that_fails_is_rejected() -> None:
    word, _, _ = verdict(patch(), suite({"red": "failed"}))
    assert (word.label, word.safety, word.passed) == (Label.REJECTED, Safety.SHOW, False)


def test_what_was_not_run_is_in_the_verdict() -> None:
    word, _, _ = verdict(patch(), suite({"red": "passed"}, not_run=["late"]))
    assert word.not_run == ("1 tests, since pytest stopped, the first late",)


def test_a_patch_out_of_scope_is_refused_before_anything_runs() -> None:
    tests = {"tests/test_a.py": Entry(content=b"assert 0\n")}
    word, cpu, runner = verdict(patch(Delete(path="tests/test_a.py", entry=tests["tests/test_a.py"]), tree=tests))
    assert (word.label, runner.asked, cpu) == (Label.REJECTED, [], 0.0)
    assert [(c.check, c.status) for c in word.checks] == [("scope", CheckStatus.FAILED)]


def test_an_eased_example_is_refused_before_anything_runs() -> None:
    code = b'def f():\n    """\n    >>> f()\n    1\n    """\n'
    tree = {"a.py": Entry(content=code)}
    at = code.index(b"1")
    word, cpu, runner = verdict(
        patch(Span(path="a.py", start=at, end=at + 1, old=b"1", new=b"2"), tree=tree), tree=tree
    )
    assert (word.label, runner.asked, cpu) == (Label.REJECTED, [], 0.0)
    assert [(c.check, c.status) for c in word.checks] == [("scope", CheckStatus.FAILED)]


def test_a_deleted_file_is_hidden_and_a_new_one_shown() -> None:
    gone, new = Delete(path="a.py", entry=TREE["a.py"]), Create(path="b.py", entry=Entry(content=b"y = 1\n"))
    _, _, runner = verdict(patch(gone, new), suite({"red": "passed"}))
    assert runner.asked[0]["files"] == {"a.py": None, "b.py": b"y = 1\n"}


def test_a_patch_for_another_tree_is_a_conflict() -> None:
    with pytest.raises(ConflictError):
        verdict(patch(), tree={"a.py": Entry(content=b"x = 3\n")})
