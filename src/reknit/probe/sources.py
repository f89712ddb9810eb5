"""The project's modules, compiled from memory: candidates instead of files, ticks added, no bytecode cache.

Every path-based import, editable installs and namespace packages included, ends in
`SourceFileLoader.get_code`; so that is where a candidate is put in place of its file.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
from types import CodeType
from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Set

from .fuel import instrument


class Sources:
    """Serves the project's code; `install` takes over imports of files under `roots`."""

    def __init__(self, roots: Sequence[str], excluded: Sequence[str]) -> None:
        self._roots = tuple(os.path.join(r, "") for r in roots)
        self._excluded = tuple(os.path.join(e, "") for e in excluded)
        self._codes: Dict[str, CodeType] = {}
        self._memory: Dict[str, bytes] = {}
        #: Real paths of candidates that were imported.
        self.served: Set[str] = set()

    def covers(self, path: str) -> bool:
        """Whether a file is the project's own."""
        return path.startswith(self._roots) and not path.startswith(self._excluded)

    def replace(self, files: Dict[str, bytes]) -> None:
        """Serve these contents from now on; absolute real paths."""
        self._memory.update(files)
        for path in files:
            self._codes.pop(path, None)

    def warm(self, paths: Iterable[str]) -> None:
        """Compile files before the first fork, so that children need not."""
        for path in paths:
            try:
                self._code(path)
            except (OSError, SyntaxError, ValueError):
                continue  # the import itself will say what is wrong

    def install(self) -> None:
        """Take over `SourceFileLoader.get_code`."""
        original: Callable[[Any, str], Optional[CodeType]] = importlib.machinery.SourceFileLoader.get_code

        def get_code(loader: Any, fullname: str) -> Optional[CodeType]:
            path = os.path.realpath(loader.get_filename(fullname))
            if not self.covers(path):
                return original(loader, fullname)
            if path in self._memory:
                self.served.add(path)
            return self._code(path)

        importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign]

    def _code(self, path: str) -> CodeType:
        if path not in self._codes:
            source = self._memory.get(path)
            if source is None:
                with open(path, "rb") as file:
                    source = file.read()
            tree = ast.parse(source, path)
            self._codes[path] = compile(instrument(tree), path, "exec", dont_inherit=True)
        return self._codes[path]
