"""Where a project's own packages lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from reknit.runner.layout import judge_of_tests
from reknit.runner.packages import Layout, Package, is_editable, packages
from tests.unit.runner.environments import environment


@pytest.mark.parametrize(
    ("files", "layout", "found"),
    [
        (["calc.py", "test_calc.py", "setup.py", "conftest.py"], Layout.FLAT, ["calc.py"]),
        (["calc/__init__.py", "tests/__init__.py", "docs/conf.py", "other/x.py"], Layout.FLAT, ["calc"]),
        (["src/calc/__init__.py", "calc.py"], Layout.SRC, ["src/calc"]),
        (["src/one/two/calc.py"], Layout.SRC, ["src/one"]),
        (["src/main.rs", "calc.py"], Layout.FLAT, ["calc.py"]),
        (["tests/test_a.py", "my-scripts/__init__.py"], Layout.NONE, []),
    ],
)
def test_layouts(tmp_path: Path, files: list[str], layout: Layout, found: list[str]) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    seen, own = packages(tmp_path, judge_of_tests(["tests/test_a.py::test"]))
    assert (seen, [p.path for p in own]) == (layout, found)


def test_a_namespace_package_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "src/space/part").mkdir(parents=True)
    (tmp_path / "src/space/part/__init__.py").write_text("")
    expected = Package(name="space", path="src/space", namespace=True)
    assert packages(tmp_path, lambda _path: False) == (Layout.SRC, (expected,))


def test_editable(tmp_path: Path) -> None:
    python = environment(tmp_path / "env")
    assert not is_editable(python, tmp_path / "project")
    (tmp_path / "env/lib/python3.12/site-packages/calc.pth").write_text(f"{tmp_path}/project/src\n")
    assert is_editable(python, tmp_path / "project")
