"""Entry by file path: `python start.py FD`. Loads the probe under a private name and serves one session."""

from __future__ import annotations

import importlib.util
import os
import sys


def _load() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    # The interpreter put the probe's folder first on sys.path; the project must not see our module names.
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != here]
    spec = importlib.util.spec_from_file_location(
        "_reknit_probe", os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    if spec is None or spec.loader is None:
        raise ImportError(here)
    package = importlib.util.module_from_spec(spec)
    sys.modules["_reknit_probe"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    # Reknit's folder is no place for another interpreter's bytecode.
    sys.dont_write_bytecode = True
    _load()
    from _reknit_probe import session  # type: ignore[import-not-found]

    # Off the arguments: a program under test may parse them.
    sys.exit(session.main(int(sys.argv.pop())))
