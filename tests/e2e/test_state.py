"""Reknit's own state, as a user meets it: damaged, foreign, in the way, and cleaned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.machine import CALC, TESTS, Project, make
from tests.unit.store.test_connection import folder, garbage, no_tables


def store(one: Project) -> Path:
    (found,) = one.state.glob("projects/*/store.db")
    return found


@pytest.mark.parametrize("damage", [garbage, folder, no_tables], ids=lambda damage: damage.__name__)
def test_heal_goes_on_with_an_empty_store(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    one = make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS})
    assert one.heal().status == 3
    damage(store(one))
    done = one.heal()
    assert done.status == 3, done.err
    assert (done.out + done.err).count("starts anew; the old file is kept as") == 1
    assert "Traceback" not in done.err
    shown = one.run("show")
    assert shown.status == 0
    assert "anew" not in shown.err


def test_from_a_patch_to_gc(tmp_path: Path) -> None:
    one = make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS})
    gone = make(tmp_path / "other", {"calc.py": CALC, "tests/test_calc.py": TESTS})
    gone = Project(root=gone.root, state=one.state, env=one.env)
    assert gone.heal().status == 3
    shutil.rmtree(gone.root)
    assert one.heal("--apply", "--unsafe", "--yes").status == 0
    kept = one.run("gc")
    assert (kept.status, "nothing to free" in kept.out) == (0, True), kept.err
    assert str(gone.root) in kept.out
    dry = json.loads(one.run("gc", "--dry-run", "--forget-missing", "--json").out)["result"]
    assert [(each["project"], each["kept"]) for each in dry["missing"]] == [(str(gone.root), "")]
    assert len(list(one.state.glob("projects/*"))) == 2
    assert one.run("gc", "--forget-missing").status == 0
    assert len(list(one.state.glob("projects/*"))) == 1
    assert one.run("undo").status == 0
    assert one.read("calc.py") == CALC
