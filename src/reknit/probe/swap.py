"""Changes functions that are already imported: the candidate's code object takes the place of the original's.

Live functions are found over the garbage collector by file, first line and name, so decorated, bound and renamed
ones are found too. Nested functions that already exist (a decorator's wrapper) are paired by their place in the tree
of code objects.
"""

from __future__ import annotations

import ast
import gc
import inspect
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from .fuel import instrument

_FUTURE = 0x1FF0000  # the CO_FUTURE_* bits: a snippet compiles as its module did
Key = tuple[str, int, str]
Live = dict[Key, list[FunctionType]]


def index(covers: Any) -> Live:
    """Every live function of the project by (file, first line, name)."""
    found: Live = {}
    for value in gc.get_objects():
        if type(value) is FunctionType and covers(value.__code__.co_filename):
            found.setdefault(_key(value.__code__), []).append(value)
    return found


def compile_function(snippet: str, classes: Sequence[str], path: str, line: int, name: str, flags: int) -> CodeType:
    """The code of function `name` in `snippet`, whose first line is `line` of `path`, inside `classes`."""
    headers = ["{}class {}:".format(" " * depth, cls) for depth, cls in enumerate(classes)]
    indented = snippet[:1] in (" ", "\t")
    if indented and not headers:
        headers = ["if 1:"]
    tree = ast.parse("\n".join([*headers, snippet]))
    ast.increment_lineno(tree, line - 1 - len(headers))
    code = compile(instrument(tree), path, "exec", flags=flags & _FUTURE, dont_inherit=True)
    for inner in _descendants(code):
        if inner.co_name == name and inner.co_firstlineno == line:
            return inner
    raise ValueError(f"{name} is not in its own snippet")


def swap(live: Live, old: CodeType, new: CodeType) -> int:
    """Give every live function of `old` the code of `new`, nested ones too; how many were changed.

    `ValueError` where that cannot say what an import of the new code would: another closure or signature, or a living
    nested function without a counterpart.
    """
    pairs = list(_pairs(old, new))
    paired = {id(before) for before, _ in pairs}
    for code in _descendants(old):
        if id(code) not in paired and _users(live, code):
            raise ValueError(f"{code.co_name} lives and has no counterpart")
    changes = [(function, before, after) for before, after in pairs for function in _users(live, before)]
    for _, before, after in changes:
        if before.co_freevars != after.co_freevars:
            raise ValueError(f"the closure of {after.co_name} changes")
        if _signature(before) != _signature(after):
            raise ValueError(f"the signature of {after.co_name} changes")
    for function, _, after in changes:
        function.__code__ = after
    return len(changes)


def original(live: Live, path: str, line: int, name: str) -> CodeType | None:
    """The code now in use for a function, None where it does not live."""
    functions = live.get((path, line, name))
    return functions[0].__code__ if functions else None


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_firstlineno, code.co_name


def _users(live: Live, code: CodeType) -> list[FunctionType]:
    # Two lambdas may share a line: the code decides.
    return [f for f in live.get(_key(code), ()) if f.__code__ == code]


def _signature(code: CodeType) -> tuple[Any, ...]:
    """What stored defaults rely on: names and kinds of the arguments."""
    variadic = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    named = code.co_argcount + code.co_kwonlyargcount
    return code.co_posonlyargcount, code.co_kwonlyargcount, variadic, code.co_varnames[:named]


def _pairs(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    yield old, new
    before, after = _children(old), _children(new)
    if [c.co_name for c in before] == [c.co_name for c in after]:
        for pair in zip(before, after):
            yield from _pairs(*pair)


def _children(code: CodeType) -> list[CodeType]:
    return [c for c in code.co_consts if isinstance(c, CodeType)]


def _descendants(code: CodeType) -> Iterator[CodeType]:
    for child in _children(code):
        yield child
        yield from _descendants(child)
