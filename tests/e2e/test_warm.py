"""A second run on the same code: no candidate is tried twice, and what has changed is looked at anew."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.machine import COST, Done, make

CALC = b"""\
def area(width):
    return width
"""
# Nothing that one edit of the program does makes this pass.
IMPOSSIBLE = b"""\
from calc import area


def test_area():
    assert area(3) == "none"
"""


def candidates(done: Done) -> int:
    cost = COST.fullmatch(done.last)
    assert cost, done.out + done.err
    return int(cost[1])


def test_what_was_rejected_is_not_tried_again(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": IMPOSSIBLE})
    first = project.heal()
    assert first.status == 1
    assert candidates(first) > 50
    second = project.heal()
    assert candidates(second) == 0
    assert f"why not: 0 candidates tried and {candidates(first)} by earlier runs, all there were" in second.out
    near = [line for line in first.out.splitlines() if line.startswith("  near")]
    assert [line for line in second.out.splitlines() if line.startswith("  near")] == near


def test_the_same_patch_is_found_and_sooner(tmp_path: Path) -> None:
    tests = IMPOSSIBLE.replace(b'area(3) == "none"', b"(area(3), area(5)) == (-3, -5)")
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": tests})
    first, second, cold = project.heal(), project.heal(), project.heal("--cold")
    assert first.status == second.status == 3
    assert candidates(second) < candidates(first) == candidates(cold)
    shown = [d.out[: d.out.index("cost:")] for d in (first, second, cold)]
    assert shown[0] == shown[1] == shown[2]
    assert "+    return -width" in shown[0]
