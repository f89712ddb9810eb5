"""Where mounts are unavailable the project is a copy elsewhere: imports of the original go to the copy.

Without this an editable install (.pth or finder) would silently import the original, and every patch would fail.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import Any


def remap(original: str, copy: str) -> None:
    """Send every import from under `original` to the same place under `copy`."""

    def moved(path: str) -> str:
        if path == original or path.startswith(os.path.join(original, "")):
            return copy + path[len(original) :]
        return path

    sys.path[:] = [moved(os.path.realpath(p)) if p else p for p in sys.path]
    sys.path_importer_cache.clear()
    sys.meta_path[:] = [_Moved(f, moved) if not isinstance(f, type) else f for f in sys.meta_path]
    for index, finder in enumerate(sys.meta_path):
        if isinstance(finder, type) and finder.__module__ not in ("_frozen_importlib", "_frozen_importlib_external"):
            sys.meta_path[index] = _Moved(finder, moved)


class _Moved:
    """A foreign finder whose answers are moved to the copy."""

    def __init__(self, finder: Any, moved: Any) -> None:
        self._finder = finder
        self._moved = moved

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        spec = self._finder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader) or not spec.origin:
            return spec
        origin = self._moved(os.path.realpath(spec.origin))
        if origin == spec.origin:
            return spec
        places = spec.submodule_search_locations
        return importlib.util.spec_from_file_location(
            name, origin, submodule_search_locations=[self._moved(os.path.realpath(p)) for p in places] if places else None
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)
