"""What a report is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from reknit.bench.judge import code, judge
from reknit.model.outcome import Failed, Outcome, Quarantined, ValidationFailed

from .reports import not_healed, patch, proposed, report

BROKEN = b"def f(x):\n    return x < 1  # why\n"
RIGHT = b"def f(x):\n    return x <= 1  # why\n"
AT = BROKEN.index(b"<")
FIX = patch("a.py", BROKEN, AT, AT + 1, b"<=")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_bytes(BROKEN)
    return tmp_path


def test_the_known_fix_is_known_again(project: Path) -> None:
    found = judge(report({"t": proposed(FIX)}), project=project, answer={"a.py": RIGHT}, required=())
    assert (found.outcome, found.exact, found.same_code) == ("plausible", True, True)
    assert "+    return x <= 1  # why" in found.patches[0]


def test_other_text_of_the_same_code_is_not_exact(project: Path) -> None:
    spaced = RIGHT.replace(b"x <= 1", b"(x <= 1)").replace(b"    return", b'    "doc"\n    return')
    found = judge(report({"t": proposed(FIX)}), project=project, answer={"a.py": spaced}, required=())
    assert (found.outcome, found.exact, found.same_code) == ("plausible", False, True)


def test_other_code_is_plausible_all_the_same(project: Path) -> None:
    found = judge(report({"t": proposed(FIX)}), project=project, answer={"a.py": BROKEN}, required=())
    assert (found.outcome, found.exact, found.same_code) == ("plausible", False, False)


def test_a_file_that_the_known_fix_leaves_alone_must_stay_as_it_is(project: Path) -> None:
    (project / "b.py").write_bytes(BROKEN)
    also = patch("b.py", BROKEN, AT, AT + 1, b"<=")
    both = report({"t": proposed(FIX), "u": proposed(also)})
    assert not judge(both, project=project, answer={"a.py": RIGHT}, required=()).same_code


def test_every_failing_test_must_be_healed(project: Path) -> None:
    half = report({"t": proposed(FIX), "u": not_healed()})
    assert judge(half, project=project, answer={}, required=()).outcome == "not healed"
    assert judge(half, project=project, answer={}, required=("t",)).outcome == "plausible"
    assert "more time" in judge(half, project=project, answer={}, required=("u",)).why


def test_an_unknown_answer_is_never_matched(project: Path) -> None:
    found = judge(report({"t": proposed(FIX)}), project=project, answer={}, required=())
    assert (found.exact, found.same_code) == (False, False)


def test_patches_that_exclude_each_other_heal_nothing(project: Path) -> None:
    other = patch("a.py", BROKEN, AT, AT + 1, b"!=")
    found = judge(report({"t": proposed(FIX), "u": proposed(other)}), project=project, answer={}, required=())
    assert (found.outcome, "exclude" in found.why) == ("not healed", True)


@pytest.mark.parametrize("blocked", [Quarantined(flaky="now and then"), Failed(error="broke", slug="s")])
def test_what_could_not_be_looked_at_is_unjudged(project: Path, blocked: Outcome) -> None:
    found = judge(report({"t": proposed(FIX), "u": blocked}), project=project, answer={}, required=())
    assert (found.outcome, found.why[:3]) == ("unjudged", "u: ")


def test_a_required_test_that_was_not_seen_to_fail_is_unjudged(project: Path) -> None:
    found = judge(report({"t": proposed(FIX)}), project=project, answer={}, required=("t", "gone"))
    assert (found.outcome, found.why) == ("unjudged", "not seen to fail: gone")


def test_nothing_failing_is_unjudged(project: Path) -> None:
    assert judge(report({}), project=project, answer={}, required=()).outcome == "unjudged"


def test_a_patch_refused_by_a_clean_run_is_not_healed(project: Path) -> None:
    refused = report({"t": ValidationFailed(errors=())})
    assert judge(refused, project=project, answer={}, required=()).outcome == "not healed"


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (b"x = (1)\n", b"x = 1  # one\n", True),
        (b"def f():\n    'd'\n    return 1\n", b"def f():\n    return 1\n\n'why it was wrong'\n", True),
        (b"x = 1\n", b"x = 2\n", False),
        (b"x = 'a'\n", b"x = 'b'\n", False),
        (b"not python (\n", b"not python [\n", False),
    ],
)
def test_code_ignores_layout_comments_and_docstrings(one: bytes, two: bytes, same: bool) -> None:
    assert (code(one) == code(two)) is same
