"""The runner on a real package, in the best isolation there is, and on every interpreter found."""

from __future__ import annotations

import functools
import importlib.util
import math
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import reknit
from reknit import sandbox
from reknit.errors import SandboxError
from reknit.sandbox.base import Level
from tests import projects
from tests.conftest import PYTHONS, find_python
from tests.e2e.machine import OLD_PYTEST

SHOP = Path(reknit.__file__).parent / "demo" / "shop"
PRICING = "src/shop/pricing.py"
BAD = "tests/test_pricing.py::test_the_discount_begins_with_the_tenth_piece"


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.LANDLOCK, Level.NONE])
def test_a_patch_at_every_level(level: Level, tmp_path: Path) -> None:
    """The suite, both steps of the ladder and the patched suite say the same; the tree is left alone."""
    try:
        box = sandbox.find(level, scratch=tmp_path)
    except SandboxError as exc:
        pytest.skip(f"needs {level}: {exc}")
    root = (tmp_path / "shop").resolve()
    shutil.copytree(SHOP, root)
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    tests = projects.runner(root, "tests/test_pricing.py", sandbox=box)
    run = projects.suite(tests)
    assert run.isolation == level
    assert BAD in run.bad
    good = [t for t in run.collected if t not in run.bad]
    fix = projects.trial(
        root, PRICING, "quantity > 10", "quantity >= 10", must=[BAD], keep=good, function=("quantity_discount",)
    )
    wrong = projects.trial(root, PRICING, "quantity > 10", "quantity > 11", must=[BAD])
    with tests.trials(tests=run.collected, baseline=run, jobs=2, fuel=None, deadline=math.inf) as pool:
        found = [(a.step, a.passed) for _, a in pool.run(iter([fix, wrong]))]
    assert found == [("direct", True), ("fresh", False)]
    assert pool.steps_down == ()
    assert BAD not in projects.suite(tests, files={PRICING: fix.content}).bad
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before


#: What pytest is made of: Python only, so that another interpreter can borrow it; the last for those before 3.11.
PYTEST = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli")


@functools.cache
def environment(python: Path, lender: Path) -> Mapping[str, str] | None:
    """Variables with which `python` finds a pytest: its own, this one's, or an older one; None where none works there."""
    for env in ({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, *({"PYTHONPATH": str(p)} for p in (lender, OLD_PYTEST))):
        done = subprocess.run([python, "-B", "-c", "import pytest"], env=env, capture_output=True, check=False)
        if done.returncode == 0:
            return env
    return None


@pytest.fixture
def lender(tmp_path: Path) -> Path:
    folder = tmp_path / "lender"
    folder.mkdir()
    for spec in filter(None, map(importlib.util.find_spec, PYTEST)):
        origin = Path(spec.origin or "")
        place = origin.parent if origin.name == "__init__.py" else origin
        for path in (place, *place.parent.glob(f"{spec.name}-*.dist-info")):
            (folder / path.name).symlink_to(path)
    return folder


FILES = {
    "lib.py": """
        from __future__ import annotations

        def halve(numbers: list[int]) -> list[int]:
            found = []
            for number in numbers:
                try:
                    found.append(number * 2)
                finally:
                    pass
            return found

        class Base:
            name = lambda self: "base"

        class Named(Base):
            def name(self): return super().name() + "!"
        """,
    "test_lib.py": """
        import pytest
        import lib

        def test_halve(): assert lib.halve([2]) == [1]
        def test_empty(): assert lib.halve([]) == []
        def test_name(): assert lib.Named().name() == "base?"
        def test_burns():
            while True: pass
        @pytest.mark.parametrize("n", [1])
        def test_skips(n): pytest.skip("why")
        """,
}


@pytest.mark.parametrize("version", PYTHONS)
def test_every_interpreter(version: str, tmp_path: Path, lender: Path) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"needs python{version}")
    env = environment(python, lender)
    if env is None:
        pytest.skip(f"python{version} has no pytest")
    root = projects.project(tmp_path, FILES)
    tests = projects.runner(root, python=python, env=env)
    run = projects.suite(tests, hang_seconds=0.5, trace=True)
    assert run.facts.python.startswith(f"{version}.")
    assert {t.partition("::")[2]: r.outcome for t, r in run.tests.items()} == {
        "test_halve": "failed",
        "test_empty": "passed",
        "test_name": "failed",
        "test_burns": "failed",
        "test_skips[1]": "skipped",
    }
    assert run.coverage["test_lib.py::test_halve"]["lib.py"] >= {5, 6, 8, 11}
    halve, empty, name = (f"test_lib.py::test_{n}" for n in ("halve", "empty", "name"))
    trials = [
        projects.trial(root, "lib.py", "number * 2", "number // 2", must=[halve], keep=[empty], function=("halve",)),
        projects.trial(root, "lib.py", "number * 2", "number // 2", must=[halve], keep=[empty]),
        projects.trial(root, "lib.py", '"!"', '"?"', must=[name], function=("Named", "name")),
        projects.trial(root, "lib.py", "number * 2", "number * 3", must=[halve], function=("halve",)),
    ]
    with tests.trials(tests=run.collected, baseline=run, jobs=1, fuel=None, deadline=math.inf) as pool:
        found = [(a.step, a.passed) for _, a in pool.run(iter(trials))]
    assert pool.steps_down == ()
    assert found == [("direct", True), ("fresh", True), ("direct", True), ("direct", False)]
