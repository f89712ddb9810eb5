"""Where mounts are unavailable the project is a copy elsewhere: imports of the original go to the copy.

Without this an editable install (.pth or finder) would silently import the original, and every patch would fail.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any


def remap(original: str, copy: str) -> None:
    """Send every import from under `original` to the same place under `copy`."""
    moved = _Moved(original, copy)
    sys.path[:] = [moved.path(p) for p in sys.path]
    sys.path_importer_cache.clear()
    sys.meta_path.insert(0, moved)


class _Moved:
    """Asks the finders behind it, and moves their answers to the copy."""

    def __init__(self, original: str, copy: str) -> None:
        self._original, self._copy = original, copy

    def path(self, path: str) -> str:
        """Where the copy has `path`; any other path as it is, names that only a path hook knows included."""
        real = os.path.realpath(path)
        if os.path.isabs(path) and (real + os.sep).startswith(os.path.join(self._original, "")):
            return self._copy + real[len(self._original) :]
        return path

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """As the next finder that knows the module answers, with paths of the copy."""
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                return self._move(spec)
        return None

    def _move(self, spec: ModuleSpec) -> ModuleSpec:
        places = spec.submodule_search_locations
        found = None if places is None else [self.path(p) for p in places]
        if spec.origin and spec.has_location:
            origin = self.path(spec.origin)
            if origin != spec.origin:
                return (
                    importlib.util.spec_from_file_location(spec.name, origin, submodule_search_locations=found) or spec
                )
        elif found is not None and found != list(places or ()):
            space = ModuleSpec(spec.name, None, is_package=True)
            space.submodule_search_locations = found
            return space
        return spec
