"""Changes functions that are already imported: the candidate's code object takes the place of the original's.

Live functions are found over the garbage collector by file, first line and name, so decorated, bound and renamed
ones are found too. Nested functions that already exist (a decorator's wrapper) are paired by their place in the tree
of code objects. A change can be taken back: what fails before must then fail again.
"""

from __future__ import annotations

import ast
import functools
import gc
import inspect
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any, Callable

from .fuel import instrument

_FUTURE = 0x1FF0000  # the CO_FUTURE_* bits: a snippet compiles as its module did
Key = tuple[str, int, str]
Functions = dict[Key, list[FunctionType]]
#: Functions with their code before and after.
Change = list[tuple[FunctionType, CodeType, CodeType]]


class Live:
    """The project's functions, and caches around them, that exist now; files are the project's where `covers` says so."""

    def __init__(self, covers: Callable[[str], bool]) -> None:
        self.functions: Functions = {}
        #: By the id of the function within.
        self._caches: dict[int, Any] = {}
        for value in gc.get_objects():
            if type(value) is FunctionType and covers(value.__code__.co_filename):
                self.functions.setdefault(_key(value.__code__), []).append(value)
            elif type(value) is functools._lru_cache_wrapper:
                self._caches[id(value.__wrapped__)] = value

    def code(self, path: str, line: int, name: str) -> CodeType | None:
        """The code now in use for a function, None where it does not live."""
        found = self.functions.get((path, line, name))
        return found[0].__code__ if found else None

    def users(self, code: CodeType) -> list[FunctionType]:
        """The functions that have this code."""
        # Two lambdas may share a line: the code decides.
        return [f for f in self.functions.get(_key(code), ()) if f.__code__ == code]

    def filled_cache(self, among: Sequence[FunctionType]) -> str | None:
        """The name of one of the functions whose `functools.lru_cache` holds results; None where there is none."""
        caches = ((f, self._caches.get(id(f))) for f in among)
        return next((f.__name__ for f, cache in caches if cache is not None and cache.cache_info().currsize), None)


def compile_function(snippet: str, classes: Sequence[str], path: str, line: int, name: str, flags: int) -> CodeType:
    """The code of function `name` in `snippet`, whose first line is `line` of `path`, inside `classes`."""
    headers = ["{}class {}:".format(" " * depth, cls) for depth, cls in enumerate(classes)]
    indented = snippet[:1] in (" ", "\t")
    if indented and not headers:
        headers = ["if 1:"]
    # Empty lines cost less than to give every node another number; near the top of a file the numbers come too late.
    above = line - 1 - len(headers)
    tree = ast.parse("\n" * above + "\n".join([*headers, snippet]))
    if above < 0:
        ast.increment_lineno(tree, above)
    code = compile(instrument(tree), path, "exec", flags=flags & _FUTURE, dont_inherit=True)
    for inner in _descendants(code):
        if inner.co_name == name and inner.co_firstlineno == line:
            return inner
    raise ValueError(f"{name} is not in its own snippet")


def plan(live: Live, old: CodeType, new: CodeType) -> Change:
    """Every live function of `old`, nested ones too, with its new code.

    `ValueError` where that cannot say what an import of the new code would: another closure or signature, a living
    nested function without a counterpart, or a cache that holds what the old code gave.
    """
    pairs = list(_pairs(old, new))
    paired = {id(before) for before, _ in pairs}
    for code in _descendants(old):
        if id(code) not in paired and live.users(code):
            raise ValueError(f"{code.co_name} lives and has no counterpart")
    changes = [(function, before, after) for before, after in pairs for function in live.users(before)]
    for _, before, after in changes:
        if before.co_freevars != after.co_freevars:
            raise ValueError(f"the closure of {after.co_name} changes")
        if _signature(before) != _signature(after):
            raise ValueError(f"the signature of {after.co_name} changes")
    if (cached := live.filled_cache([function for function, *_ in changes])) is not None:
        raise ValueError(f"the cache of {cached} is filled")
    return changes


def swap(changes: Change) -> None:
    """Make a change."""
    for function, _, after in changes:
        function.__code__ = after


def take_back(changes: Change) -> None:
    """Give the functions the code that they had."""
    for function, before, _ in changes:
        function.__code__ = before


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_firstlineno, code.co_name


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
