"""What plug-ins of pytest would make differ from run to run: order, seeds, memory of earlier runs, patience.

Whatever the user has settled stays; a plug-in that is not there, or is of another time, is no error.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

import pytest


def settle_options(config: Any, *, candidates: bool) -> None:
    """Before plug-ins have read their options: the same order and seeds each time, and no end before the last test.

    Where `candidates` are judged, a test that is tried again waits for nothing: what it waited for has not changed.
    """
    option = config.option
    if getattr(option, "randomly_seed", None) in ("default", "last"):
        option.randomly_seed, option.randomly_reorganize = _run_seed(), False
    if hasattr(option, "session_timeout"):
        option.session_timeout = math.inf
    if hasattr(option, "fail_on_flaky"):
        option.fail_on_flaky = False
    if candidates and hasattr(option, "reruns_delay"):
        option.reruns_delay = 0.0
    # Beside xdist it starts a server for the other processes: there are none, and a thread would be lost in a fork.
    if hasattr(sys.modules.get("pytest_rerunfailures"), _SERVES):
        setattr(sys.modules["pytest_rerunfailures"], _SERVES, False)


def leave_out_idle(items: Sequence[Any], config: Any) -> None:
    """Take out plug-ins that stand in the way of the fastest step and have nothing to do with any of the tests."""
    marks = {mark.name for item in items for mark in item.iter_markers()}
    for name, mark, used in (
        ("pytest_rerunfailures", "flaky", _reruns(config)),
        ("pytest_timeout", "timeout", getattr(config, "_env_timeout", None)),
    ):
        plugin = sys.modules.get(name)
        if plugin is not None and not used and mark not in marks and config.pluginmanager.is_registered(plugin):
            config.pluginmanager.unregister(plugin)


def _reruns(config: Any) -> bool:
    option = config.option
    if getattr(option, "reruns", None) or getattr(option, "force_reruns", None):
        return True
    try:
        return bool(config.getini("reruns"))
    except ValueError:  # one that has options only
        return False


def settle_items(items: Sequence[Any], config: Any) -> None:
    """Hypothesis draws the same examples each time, finds what the user's runs found, and keeps nothing.

    A candidate that forgets an example that is mended, or remembers one that it fails, has a say on the next one.
    """
    seeded = getattr(config.option, "hypothesis_seed", None) is not None
    for item, test, holder, name in _of_hypothesis(items):
        with contextlib.suppress(ImportError, AttributeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a folder for examples that cannot be written
            settings = _read_only(getattr(holder, name))
            setattr(holder, name, settings)
            if not seeded and not settings.derandomize and getattr(test, _SEED) is None:
                setattr(test, _SEED, _run_seed() + crc32(item.nodeid.partition("[")[0].encode("utf-8", "replace")))


def hurry(items: Sequence[Any]) -> None:
    """The first example that fails is enough: nobody reads the smallest one of a candidate."""
    for _, _, holder, name in _of_hypothesis(items):
        settings = getattr(holder, name)
        with contextlib.suppress(AttributeError):
            phases = [p for p in settings.phases if p.name not in ("shrink", "explain")]
            setattr(holder, name, type(settings)(settings, phases=phases))


def _of_hypothesis(items: Sequence[Any]) -> Iterator[tuple[Any, Any, Any, str]]:
    """Each item of a test that Hypothesis draws for, the test, and where its settings are."""
    if "hypothesis" not in sys.modules:
        return
    for item in items:
        owner = getattr(item, "cls", None) or getattr(item, "module", None)
        test = getattr(owner, getattr(item, "originalname", None) or item.name, None)
        if getattr(test, "is_hypothesis_test", False) is True:
            # A state machine's settings are its test case's.
            yield item, test, *((test, _SETTINGS) if hasattr(test, _SETTINGS) else (owner, "settings"))


_SERVES = "HAS_PYTEST_HANDLECRASHITEM"
_SETTINGS = "_hypothesis_internal_use_settings"
_SEED = "_hypothesis_internal_use_seed"


def _read_only(settings: Any) -> Any:
    from hypothesis.database import ReadOnlyDatabase  # type: ignore[import-not-found, unused-ignore]

    if settings.database is None or isinstance(settings.database, ReadOnlyDatabase):
        return settings
    return type(settings)(settings, database=ReadOnlyDatabase(settings.database))


def _run_seed() -> int:
    """What this run differs in from others of the same tests, on purpose: the order of sets of strings."""
    said = os.environ.get("PYTHONHASHSEED", "")
    return int(said) if said.isdigit() else 0


def timed_out(exc: BaseException) -> bool:
    """Whether pytest-timeout has ended the test."""
    return isinstance(exc, pytest.fail.Exception) and str(exc).startswith("Timeout (>")


def not_again(item: Any) -> None:
    """A test that does not end is not tried again by pytest-rerunfailures, for which no limit of time would hold."""
    if hasattr(item, "execution_count"):
        item.execution_count = 1 << 30


class Timeouts:
    """Pytest-timeout ends a test by an exception; its other method, a thread, would take pytest with it."""

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: Any, settings: Any) -> Any:
        """Set the plug-in's timer by signal in place of that by thread."""
        if settings.method != "thread":
            return None  # the plug-in's own turn
        return item.config.hook.pytest_timeout_set_timer(item=item, settings=settings._replace(method="signal"))
