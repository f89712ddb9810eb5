"""Runs first in every Python that the tests start, whichever that is, and then lets the project's own module of this name.

It is found by PYTHONPATH; `children.py` says in one environment variable what it shall do. It stays out of the way: its
folder leaves `sys.path`, and without that variable it does nothing.
"""

import marshal
import os
import sys
from typing import Any, Dict  # noqa: UP035 - the tests may start an old Python


def _start(told: Dict[str, Any]) -> None:  # noqa: UP006 - likewise
    if "cpu" in told:
        import _signal  # type: ignore[import-not-found]  # `signal` takes three times as long

        _signal.setitimer(_signal.ITIMER_PROF, told["cpu"])
    if sys.version_info < (3, 9):  # noqa: UP036 - likewise
        return
    if "remap" in told:
        _load("remap").remap(*told["remap"])
    if "lines" in told:
        _load("trace").stream(told["lines"], told["roots"], told["excluded"])


def _load(name: str) -> Any:
    import importlib.util

    place = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name + ".py")
    spec = importlib.util.spec_from_file_location("_reknit_" + name, place)
    if spec is None or spec.loader is None:
        raise ImportError(place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _yield() -> None:
    """Import the module that we stand before."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) != here]
    us = sys.modules.pop(__name__)
    try:
        __import__(__name__)
    except ImportError as exc:
        if exc.name != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, us)


if "REKNIT_CHILD" in os.environ:
    _start(marshal.loads(bytes.fromhex(os.environ["REKNIT_CHILD"])))  # noqa: S302 - made by children.py
_yield()
