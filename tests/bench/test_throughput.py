"""What the figures are made of."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from drawn import Covered
from mutation import Mutation, largest, mangled
from throughput import QUICK, Measured, figures

from reknit.lang.python import Function, Source, functions, parse

CODE = b"""
def small(a):
    return a

@small
def decorated(a):
    return [a, a + 1, a + 2, a + 3, a + 4, a + 5]

class Box:
    def method(self, a):
        def inner(b):
            return [b, b + 1, b + 2, b + 3, b + 4]
        return inner(a) + 1 if a else 2
"""


def named() -> dict[str, Function]:
    source = parse("a.py", CODE)
    assert isinstance(source, Source)
    return {f.qualname: f for f in functions(source)}


def test_ratios_are_of_means_over_mistakes_of_medians_over_rounds() -> None:
    one = Measured(
        name="one", naive=[100, 300, 200], selected=[400], ours=[2, 4, 3], told=[2.5], fork=[1, 1, 9], wall=[0.004],
        naive_wall=[0.4], start=0.5, steps=Counter(direct=9, fresh=1), hung=2,
    )  # fmt: skip
    two = Measured(
        name="two", naive=[400], selected=[600], ours=[5], told=[4], fork=[3], wall=[0.006], naive_wall=[0.8], start=0.7,
        steps=Counter(direct=10), contradicted=1,
    )  # fmt: skip
    found = figures([one, two], QUICK)
    assert (found["naive_ms"], found["ours_ms"], found["fork_ms"]) == (300.0, 4.0, 2.0)
    assert (found["naive_ratio"], found["selected_ratio"], found["fork_ratio"]) == (75.0, 125.0, 2.0)
    assert found["naive_ratios"] == [66.7, 80.0]
    assert found["naive_wall_ratio"] == 120.0
    assert found["paid_after"] == pytest.approx(600 / 296, abs=0.05)
    assert found["steps"] == {"direct": 19, "fresh": 1}
    assert (found["hung"], found["contradicted"]) == (2, 1)


def test_against_mutmut_more_is_better() -> None:
    found = Mutation(
        function="f", tests=2, changes=10, mutmut_cpu=0.06, mutmut_wall=0.09, mutmut_whole=3.0, mutmut_killed=0.5,
        ours_cpu=0.005, ours_wall=0.01, ours_whole=0.5, ours_killed=0.25,
    ).result()  # fmt: skip
    assert (found["mutmut_ratio"], found["mutmut_wall_ratio"], found["mutmut_whole_ratio"]) == (12.0, 9.0, 6.0)


def test_mutmut_leaves_decorated_and_inner_functions_alone() -> None:
    places = [Covered(path="a.py", function=f, tests=("t",)) for f in named().values()]
    assert largest(places).function.qualname == "Box.method"


def test_the_names_of_mutants() -> None:
    found = named()
    assert mangled(found["small"]) == "x_small"
    assert mangled(found["Box.method"]) == "xǁBoxǁmethod"
    assert isinstance(found["small"].node, ast.FunctionDef)
