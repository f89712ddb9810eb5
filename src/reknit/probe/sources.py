"""The project's modules, compiled from source at each start: candidates from memory, ticks added, no bytecode cache.

Every path-based import, editable installs and namespace packages included, ends in
`SourceFileLoader.get_code`; so that is where a candidate is put in place of its file.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
from collections.abc import Iterable, Sequence
from types import CodeType
from typing import Any, Callable

from .fuel import instrument


class Sources:
    """Serves the project's code; `install` takes over imports of files under `roots`."""

    def __init__(self, roots: Sequence[str], excluded: Sequence[str], *, ticks: bool) -> None:
        self._roots = tuple(os.path.join(r, "") for r in roots)
        self._excluded = tuple(os.path.join(e, "") for e in excluded)
        self._ticks = ticks
        #: Called once, before the first of the project's files is imported.
        self._at_first: Callable[[], None] = _nothing
        self._codes: dict[str, CodeType] = {}
        self._memory: dict[str, bytes] = {}
        #: Files whose candidates were imported, as `replace` was told of them.
        self.served: set[str] = set()

    def covers(self, path: str) -> bool:
        """Whether a file is the project's own."""
        return path.startswith(self._roots) and not path.startswith(self._excluded)

    def replace(self, files: dict[str, bytes]) -> None:
        """Serve these contents from now on, by absolute path."""
        for path, content in files.items():
            real = os.path.realpath(path)
            self._memory[real] = content
            self._codes.pop(real, None)

    def loaded(self, paths: Iterable[str]) -> bool:
        """Whether the replaced contents of all `paths` were imported."""
        return {os.path.realpath(p) for p in paths} <= self.served

    def warm(self, paths: Iterable[str]) -> None:
        """Compile files before the first fork, so that children need not."""
        for path in paths:
            real = os.path.realpath(path)
            try:
                self._codes[real] = self._compile(real)
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                continue  # the import itself will say what is wrong

    def install(self, bytecode: str, at_first: Callable[[], None] | None = None) -> None:
        """Take over `SourceFileLoader.get_code`; pytest's loader finds the project's bytecode below `bytecode` only.

        `at_first` is called before the first of the project's files is imported.
        """
        self._at_first = at_first or _nothing
        original: Callable[[Any, str], CodeType | None] = importlib.machinery.SourceFileLoader.get_code

        def get_code(loader: Any, fullname: str) -> CodeType | None:
            path = os.path.realpath(loader.get_filename(fullname))
            if not self.covers(path):
                return _with_caches(original, loader, fullname)  # type: ignore[no-any-return]
            self._begin()
            if path in self._memory:
                self.served.add(path)
            if self._ticks:
                return self._codes.get(path) or self._compile(path)
            # The loader's own compiler: a project may have hooks there.
            return loader.source_to_code(loader.get_data(path), loader.get_filename(fullname))  # type: ignore[no-any-return]

        importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign]
        sys.pycache_prefix = bytecode
        self._share_rewritten()

    def _share_rewritten(self) -> None:
        """Plugins, which pytest compiles too, also come from their own caches."""
        from _pytest.assertion import rewrite

        original: Any = getattr(rewrite, "get_cache_dir", None)

        def get_cache_dir(path: Any) -> Any:
            own = self.covers(os.path.realpath(path))
            if own:
                self._begin()
            return original(path) if own else _with_caches(original, path)

        if original is None:
            self._begin()  # of what such a pytest compiles we hear nothing
        else:
            rewrite.get_cache_dir = get_cache_dir  # type: ignore[assignment]

    def _begin(self) -> None:
        call, self._at_first = self._at_first, _nothing
        call()

    def _compile(self, path: str) -> CodeType:
        source = self._memory.get(path)
        if source is None:
            with open(path, "rb") as file:
                source = file.read()
        return compile(instrument(ast.parse(source, path)), path, "exec", dont_inherit=True)


def _nothing() -> None:
    """What is called where nothing is to be done."""


def _with_caches(original: Callable[..., Any], *arguments: Any) -> Any:
    """Other people's modules come from their own caches: to compile pytest costs four times its import."""
    private, sys.pycache_prefix = sys.pycache_prefix, None
    try:
        return original(*arguments)
    finally:
        sys.pycache_prefix = private
