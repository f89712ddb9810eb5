"""Fuel stops what does not end, and changes nothing else."""

from __future__ import annotations

import ast
import asyncio
import builtins
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from reknit.probe.fuel import TICK, OutOfFuel, Tank, instrument

LIMIT = 1000


@pytest.fixture
def tank(monkeypatch: pytest.MonkeyPatch) -> Tank:
    tank = Tank()
    monkeypatch.setattr(builtins, TICK, tank.tick, raising=False)
    return tank


class Many:
    """Has no end and no ticks of its own."""

    def __aiter__(self) -> Many:
        return self

    async def __anext__(self) -> int:
        return 1


def run(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"MANY": Many()}
    exec(compile(instrument(ast.parse(source)), "<candidate>", "exec"), namespace)
    return namespace


ENDLESS = {
    "while": "def f():\n    while True: pass\n",
    "for": "import itertools\ndef f():\n    for _ in itertools.count(): pass\n",
    "mutual recursion of generators": "def f():\n    return g()\ndef g():\n    while 1:\n        yield from f()\n",
    "swallowed": "def f():\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n",
    "swallowed by a callee": (
        "def g():\n    try:\n        while True: pass\n    except BaseException: return 1\n"
        "def f():\n    while g(): pass\n"
    ),
    "finally": "def f():\n    while True:\n        try:\n            pass\n        finally:\n            continue\n",
    "async for": "async def f():\n    async for _ in MANY: pass\n",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_what_does_not_end_is_stopped(source: str, tank: Tank) -> None:
    tank.limit = LIMIT
    function = run(source)["f"]
    with pytest.raises(OutOfFuel, match=f"{LIMIT} ticks"):
        drive(function)
    assert tank.exhausted


def drive(function: Callable[[], Any]) -> object:
    result = function()
    if asyncio.iscoroutine(result):
        return asyncio.run(result)
    return list(result) if hasattr(result, "__next__") else result


def test_endless_recursion_is_stopped_before_the_interpreter_does_it(tank: Tank) -> None:
    tank.limit = 100
    functions = run("def even(n):\n    return odd(n - 1)\ndef odd(n):\n    return even(n - 1)\n")
    with pytest.raises(OutOfFuel):
        functions["even"](5)


def test_it_raises_again_at_each_later_tick(tank: Tank) -> None:
    tank.limit = 0
    function = run("def f():\n    return 1\n")["f"]
    for _ in range(3):
        with pytest.raises(OutOfFuel):
            function()


def test_no_limit_only_counts(tank: Tank) -> None:
    assert run("def f():\n    for i in range(5): pass\n    return i\n")["f"]() == 4
    assert tank.used == 6
    assert not tank.exhausted


def test_the_limit_itself_may_be_used(tank: Tank) -> None:
    tank.limit = 6
    assert run("def f():\n    for i in range(5): pass\n    return i\n")["f"]() == 4


SAME = '''\
"""Module."""
from __future__ import annotations
import functools

def only_a_docstring():
    """Doc."""

def documented():
    """Doc of it."""
    return documented.__doc__

def generator(n):
    for i in range(n):
        sent = yield i
        if sent:
            return sent

async def coroutine(n):
    async def numbers():
        for i in range(n):
            yield i
    return [i async for i in numbers()]

def outer():
    count = 0
    def inner():
        nonlocal count
        count += 1
        return count
    inner()
    return inner()

@functools.lru_cache
def cached(x): return (lambda y: x + y)(1)

def with_else(items):
    for item in items:
        if item: break
    else:
        return "none"
    while item: item -= 1
    else: return "done"

class C:
    """Class."""
    def __private(self): return 1
    @property
    def value(self): return self.__private()
'''


def facts(functions: dict[str, Any]) -> list[object]:
    generator = functions["generator"](3)
    return [
        functions["__doc__"],
        functions["only_a_docstring"].__doc__,
        functions["documented"](),
        [next(generator), next(generator)],
        list(functions["generator"](3)),
        asyncio.run(functions["coroutine"](3)),
        functions["outer"](),
        functions["cached"](1),
        [functions["with_else"](items) for items in ([], [0, 2], [1])],
        functions["C"]().value,
        functions["C"].__doc__,
        {n: f.__code__.co_firstlineno for n, f in functions.items() if hasattr(f, "__code__")},
    ]


def test_nothing_else_changes(tank: Tank) -> None:
    plain: dict[str, Any] = {}
    exec(compile(SAME, "<candidate>", "exec"), plain)
    assert facts(run(SAME)) == facts(plain)
    assert tank.used > 10


def test_lines_of_a_traceback_stay(tank: Tank) -> None:
    source = "def f(items):\n    '''Doc.'''\n\n    for i in items:\n        # why\n        i / 0\n"
    with pytest.raises(ZeroDivisionError) as caught:
        run(source)["f"]([1])
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 6


def test_out_of_fuel_is_shown_at_the_loop(tank: Tank) -> None:
    tank.limit = 5
    with pytest.raises(OutOfFuel) as caught:
        run("def f():\n    x = 1\n    while x:\n        x += 1\n")["f"]()
    assert traceback.extract_tb(caught.value.__traceback__)[-2].lineno == 4
