"""Live functions take the candidate's code as an import would have given it, or refuse."""

from __future__ import annotations

import ast
import asyncio
import builtins
import importlib.util
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reknit.probe import swap
from reknit.probe.fuel import TICK, Tank, instrument

NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def tank(monkeypatch: pytest.MonkeyPatch) -> Tank:
    tank = Tank()
    monkeypatch.setattr(builtins, TICK, tank.tick, raising=False)
    return tank


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Any]:
    """Imports a module from text, with ticks."""
    names: list[str] = []

    def load(source: str) -> ModuleType:
        name = f"swapped_{next(NUMBERS)}"
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        names.append(name)
        tree = instrument(ast.parse(source))
        exec(compile(tree, str(path), "exec", dont_inherit=True), module.__dict__)
        return module

    yield load
    for name in names:
        del sys.modules[name]


def change(module: ModuleType, name: str, old: str, new: str, *classes: str, nth: int = 0) -> int:
    """Swap a function for itself with `old` replaced by `new`; how many functions were changed."""
    path = str(module.__file__)
    text = Path(path).read_text()
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    node = sorted((n for n in nodes if n.name == name), key=lambda n: n.lineno)[nth]
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
    snippet = "".join(text.splitlines(keepends=True)[first - 1 : node.end_lineno])
    assert old in snippet
    live = swap.Live(lambda p: p == path)
    code = live.code(path, first, name)
    assert code is not None
    fresh = swap.compile_function(snippet.replace(old, new), classes, path, first, name, code.co_flags)
    changes = swap.plan(live, code, fresh)
    swap.swap(changes)
    return len(changes)


def test_a_plain_function(load: Any) -> None:
    module = load("x = 1\n\ndef f(a):\n    return a - x\n")
    before = module.f
    assert change(module, "f", "-", "+") == 1
    assert (module.f(1), before(1), module.f is before) == (2, 2, True)


def test_a_candidate_uses_fuel(load: Any, tank: Tank) -> None:
    module = load("def f(n):\n    return n\n")
    change(module, "f", "return n", "for _ in range(n): pass\n    return n")
    before = tank.used
    module.f(5)
    assert tank.used == before + 6


METHODS = """\
class Base:
    def add(self): return 10

class C(Base):
    def __init__(self): self.__hidden = 5

    def add(self):
        return super().add() - self.__hidden

    @staticmethod
    def static(x):
        return x - 1

    @classmethod
    def of_class(cls, x):
        return cls.__name__, x - 1

    @property
    def value(self):
        return self.__hidden - 1

    @value.setter
    def value(self, new):
        self.__hidden = new - 1

    class Inner:
        def m(self): return self.__x()
        def __x(self): return 3 - 1
"""


def test_a_method_with_super_and_private_names(load: Any) -> None:
    module = load(METHODS)
    first = module.C()
    change(module, "add", "-", "+", "C", nth=1)
    assert (first.add(), module.Base().add()) == (15, 10)


@pytest.mark.parametrize(("name", "result"), [("static", 4), ("of_class", ("C", 4)), ("__x", 4)])
def test_other_kinds_of_methods(load: Any, name: str, result: object) -> None:
    module = load(METHODS)
    thing = module.C()
    classes = ("C", "Inner") if name == "__x" else ("C",)
    assert change(module, name, "- 1", "+ 1", *classes) == 1
    found = thing.Inner().m() if name == "__x" else getattr(thing, name)(3)
    assert found == result


def test_a_property_and_its_setter_are_told_apart(load: Any) -> None:
    module = load(METHODS)
    thing = module.C()
    assert change(module, "value", "- 1", "+ 1", "C") == 1
    assert thing.value == 6
    thing.value = 10
    assert thing.value == 10


def test_generator_and_coroutine(load: Any) -> None:
    module = load("def g(n):\n    for i in range(n):\n        yield i\n\nasync def c(n):\n    return n - 1\n")
    change(module, "g", "yield i", "yield -i")
    change(module, "c", "-", "+")
    assert (list(module.g(3)), asyncio.run(module.c(1))) == ([0, -1, -2], 2)


DECORATED = """\
import functools

def twice(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) * 2
    return wrapper

def times(factor):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args) * factor
        return wrapper
    return decorate

@twice
def f(x):
    return x - 1

@times(3)
@twice
def g(x):
    return x
"""


def test_the_function_behind_a_decorator(load: Any) -> None:
    module = load(DECORATED)
    assert change(module, "f", "-", "+") == 1
    assert module.f(1) == 4


def test_the_living_wrappers_of_a_decorator(load: Any) -> None:
    module = load(DECORATED)
    assert change(module, "twice", "* 2", "* 5") == 3
    assert (module.f(2), module.g(1), module.twice(abs)(-1)) == (5, 15, 5)


def test_the_living_wrappers_of_a_decorator_factory(load: Any) -> None:
    module = load(DECORATED)
    assert change(module, "times", "* factor", "+ factor") == 2
    assert module.g(1) == 5


def test_a_living_wrapper_without_counterpart_is_refused(load: Any) -> None:
    """Else the candidate would be judged by its original."""
    module = load(DECORATED)
    with pytest.raises(ValueError, match="counterpart"):
        change(module, "twice", "    return wrapper", "    helper = lambda: 1\n    return wrapper")
    assert module.f(2) == 2


def test_a_new_inner_function_is_no_obstacle(load: Any) -> None:
    module = load("def f(items):\n    return sorted(items)\n")
    change(module, "f", "sorted(items)", "sorted(items, key=lambda i: -i)")
    assert module.f([1, 3, 2]) == [3, 2, 1]


def test_a_closure_made_after_the_swap(load: Any) -> None:
    module = load("def outer(n):\n    def inner(x):\n        return x - n\n    return inner\n")
    change(module, "outer", "x - n", "x + n")
    assert module.outer(2)(1) == 3


def test_a_living_closure_with_other_free_variables_is_refused(load: Any) -> None:
    module = load("def outer(n, m):\n    def inner(x):\n        return x - n\n    return inner\nkept = outer(1, 2)\n")
    with pytest.raises(ValueError, match="closure"):
        change(module, "outer", "x - n", "x - n - m")
    assert module.kept(5) == 4
    assert module.outer(1, 2)(5) == 4, "half a swap"


@pytest.mark.parametrize("new", ["a, b=1, *, c", "b, a=1", "a, b=1, *c", "a, /, b=1"])
def test_a_changed_signature_is_refused(load: Any, new: str) -> None:
    """The stored defaults belong to the old one."""
    module = load("def f(a, b=1):\n    return a\n")
    with pytest.raises(ValueError, match="signature"):
        change(module, "f", "a, b=1", new)


def test_lambdas_of_one_line_are_told_apart(load: Any) -> None:
    module = load("def make():\n    return (lambda x: x + 1, lambda x: x - 1)\nplus, minus = make()\n")
    change(module, "make", "x - 1", "x - 5")
    assert (module.plus(0), module.minus(0)) == (1, -5)


def test_more_and_fewer_lines(load: Any) -> None:
    source = "def f(n):\n    a = n\n    b = a\n    return b\n\ndef after():\n    return 7\n"
    module = load(source)
    change(module, "f", "    b = a\n    return b\n", "    return a + 1\n")
    assert module.f(1) == 2
    change(module, "f", "    a = n\n", "    a = n\n    a += 1\n    a += 1\n")
    assert (module.f(1), module.after()) == (3, 7)


def test_lines_of_the_candidate_are_those_of_the_file(load: Any) -> None:
    module = load(METHODS)
    change(module, "of_class", "x - 1", "x / 0", "C")
    with pytest.raises(ZeroDivisionError) as caught:
        module.C.of_class(1)
    assert caught.traceback[-1].lineno + 1 == METHODS.splitlines().index("        return cls.__name__, x - 1") + 1
    assert str(caught.traceback[-1].path) == module.__file__


def test_future_imports_hold(load: Any) -> None:
    module = load("from __future__ import annotations\n\ndef f():\n    def g(x: unknown): return 1\n    return g(0)\n")
    change(module, "f", "return 1", "return 2")
    assert module.f() == 2


def test_a_tab_is_indentation_too(load: Any) -> None:
    module = load("class C:\n\tdef f(self):\n\t\treturn 1\n")
    change(module, "f", "return 1", "return 2", "C")
    assert module.C().f() == 2


def test_a_function_under_an_if(load: Any) -> None:
    module = load("if True:\n    def f():\n        return 1\n")
    change(module, "f", "return 1", "return 2")
    assert module.f() == 2


def test_a_string_of_many_lines_keeps_its_indentation(load: Any) -> None:
    module = load("class C:\n    def f(self):\n        return '''a\n  b'''\n")
    change(module, "f", "'''a", "'''c", "C")
    assert module.C().f() == "c\n  b"


@pytest.mark.parametrize("snippet", ["def other():\n    return 1\n", "x = 1\n"])
def test_a_snippet_without_the_function_is_refused(snippet: str) -> None:
    with pytest.raises(ValueError, match="not in its own snippet"):
        swap.compile_function(snippet, [], "m.py", 1, "f", 0)


def test_a_broken_snippet_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        swap.compile_function("def f(:\n", [], "m.py", 1, "f", 0)


def test_what_does_not_live_is_not_found() -> None:
    assert swap.Live(lambda _: False).code("m.py", 1, "f") is None
