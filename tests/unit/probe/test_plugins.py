"""What plug-ins' options are set to, and which plug-ins are left out; the real ones are in tests/e2e/test_plugins.py."""

from __future__ import annotations

import math
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from reknit.probe import plugins


def options(*, candidates: bool = True, **given: Any) -> dict[str, Any]:
    option = SimpleNamespace(**given)
    plugins.settle_options(SimpleNamespace(option=option), candidates=candidates)
    return vars(option)


@pytest.mark.parametrize("seed", ["default", "last"])
def test_a_seed_by_chance_is_that_of_the_run(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    found = options(randomly_seed=seed, randomly_reorganize=True)
    assert found == {"randomly_seed": 7, "randomly_reorganize": False}


def test_a_seed_of_the_user_stays() -> None:
    assert options(randomly_seed=3, randomly_reorganize=True) == {"randomly_seed": 3, "randomly_reorganize": True}


def test_no_limit_for_the_whole_run_and_no_status_of_its_own() -> None:
    found = options(session_timeout=None, fail_on_flaky=True)
    assert found == {"session_timeout": math.inf, "fail_on_flaky": False}


def test_only_candidates_are_tried_again_at_once() -> None:
    assert options(reruns_delay=5.0) == {"reruns_delay": 0.0}
    assert options(reruns_delay=5.0, candidates=False) == {"reruns_delay": 5.0}


def test_of_plugins_that_are_not_there_nothing_is_set() -> None:
    assert options() == {}


def left_out(monkeypatch: pytest.MonkeyPatch, *marks: str, ini: str = "", timeout: float = 0, **given: Any) -> set[str]:
    modules = {name: ModuleType(name) for name in ("pytest_rerunfailures", "pytest_timeout")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    manager = pytest.PytestPluginManager()
    for module in modules.values():
        manager.register(module)
    item = SimpleNamespace(iter_markers=lambda: [SimpleNamespace(name=mark) for mark in marks])
    config = SimpleNamespace(
        option=SimpleNamespace(**given), pluginmanager=manager, getini=lambda _name: ini, _env_timeout=timeout
    )
    plugins.leave_out_idle([item], config)
    return {name for name, module in modules.items() if not manager.is_registered(module)}


def test_plugins_that_no_test_uses_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_out(monkeypatch, "parametrize") == {"pytest_rerunfailures", "pytest_timeout"}


def test_plugins_that_one_test_uses_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_out(monkeypatch, "flaky") == {"pytest_timeout"}
    assert left_out(monkeypatch, "timeout") == {"pytest_rerunfailures"}


@pytest.mark.parametrize("given", [{"reruns": 1}, {"force_reruns": 1}, {"ini": "2"}])
def test_plugins_that_are_configured_stay(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_out(monkeypatch, timeout=9.0, **given) == set()
