"""Changes functions that are already imported: the candidate's code object takes the place of the original's.

Live functions are found over the garbage collector by file, first line and name, so decorated, bound and renamed
ones are found too. Nested functions that already exist (a decorator's wrapper) are paired by their place in the tree
of code objects.
"""

from __future__ import annotations

import ast
import gc
from types import CodeType, FunctionType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from .fuel import instrument

_FUTURE = 0x1FF0000  # the CO_FUTURE_* bits: a snippet compiles as its module did
Key = Tuple[str, int, str]


def index(covers: Any) -> Dict[Key, List[FunctionType]]:
    """Every live function of the project by (file, first line, name)."""
    found: Dict[Key, List[FunctionType]] = {}
    for value in gc.get_objects():
        if type(value) is FunctionType and covers(value.__code__.co_filename):
            code = value.__code__
            found.setdefault((code.co_filename, code.co_firstlineno, code.co_name), []).append(value)
    return found


def compile_function(snippet: str, classes: Sequence[str], path: str, line: int, name: str, flags: int) -> CodeType:
    """The code of function `name` in `snippet`, whose first line is `line` of `path`, inside `classes`."""
    headers = ["%sclass %s:" % (" " * depth, cls) for depth, cls in enumerate(classes)]
    indented = snippet[:1] in (" ", "\t")
    if indented and not headers:
        headers = ["if 1:"]
    tree = ast.parse("\n".join([*headers, snippet]))
    ast.increment_lineno(tree, line - 1 - len(headers))
    code = compile(instrument(tree), path, "exec", flags=flags & _FUTURE, dont_inherit=True)
    for inner in _walk(code):
        if inner.co_name == name and inner.co_firstlineno == line:
            return inner
    raise ValueError("%s is not in its own snippet" % name)


def swap(live: Dict[Key, List[FunctionType]], old: CodeType, new: CodeType) -> int:
    """Give every live function of `old` the code of `new`, nested ones too; how many were changed.

    `ValueError` where the closure differs, so that the function cannot be changed in place.
    """
    count = 0
    for before, after in _pairs(old, new):
        for function in live.get((before.co_filename, before.co_firstlineno, before.co_name), ()):
            if function.__code__.co_freevars != after.co_freevars:
                raise ValueError("closure of %s changes" % after.co_name)
            function.__code__ = after
            count += 1
    return count


def _pairs(old: CodeType, new: CodeType) -> Iterator[Tuple[CodeType, CodeType]]:
    yield old, new
    before, after = _children(old), _children(new)
    if [c.co_name for c in before] == [c.co_name for c in after]:
        for pair in zip(before, after):
            yield from _pairs(*pair)


def _children(code: CodeType) -> List[CodeType]:
    return [c for c in code.co_consts if isinstance(c, CodeType)]


def _walk(code: CodeType) -> Iterator[CodeType]:
    for child in _children(code):
        yield child
        yield from _walk(child)


def original(live: Dict[Key, List[FunctionType]], path: str, line: int, name: str) -> Optional[CodeType]:
    """The code now in use for a function, None where it does not live."""
    functions = live.get((path, line, name))
    return functions[0].__code__ if functions else None
