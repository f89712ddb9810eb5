"""Of many folders pytest looks at those that lead to the wanted tests, and finds the same tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reknit.probe.onway import OnTheWay
from tests.projects import project, runner, suite


@pytest.mark.parametrize(
    ("path", "ignored"),
    {
        "/r/pkgs": None,
        "/r/pkgs/a": None,
        "/r/pkgs/a/__init__.py": None,
        "/r/pkgs/a/test_a.py": None,
        "/r/pkgs/a/test_b.py": True,
        "/r/pkgs/ab": True,
        "/r/pkgs/b": True,
        "/r/pkgs/b/__init__.py": None,
        "/r/cases": None,
        "/r/cases/one/x.yaml": None,
        "/other": True,
        "/far/test_c.py": None,
    }.items(),
)
def test_only_what_lies_beside_the_way_is_left_out(path: str, ignored: bool | None) -> None:
    way = OnTheWay("/r", ["pkgs/a/test_a.py", "cases", "../far/test_c.py"])
    assert way.pytest_ignore_collect(Path(path)) is ignored


def test_the_wanted_tests_of_packages_are_found(tmp_path: Path) -> None:
    """A package's fixtures hold for what lies in it; pytest asks for no other folder."""
    seen = tmp_path / "seen"
    hook = f"""
        def pytest_ignore_collect(collection_path):
            with open({str(seen)!r}, "a") as file:
                print(collection_path.name, file=file)
    """
    body = "def test_x(one):\n    assert one == 1\n"
    fixture = "import pytest\n\n\n@pytest.fixture(scope='package')\ndef one():\n    return 1\n"
    files: dict[str, Any] = {f"pkgs/p{n}/t{n}/test_{n}.py": body for n in range(9)}
    files |= {f"pkgs/p{n}/t{n}/__init__.py": "" for n in range(9)}
    files |= {f"pkgs/p{n}/t{n}/conftest.py": fixture for n in range(9)}
    root = project(tmp_path, {**files, "conftest.py": hook})
    tests = [f"pkgs/p{n}/t{n}/test_{n}.py::test_x" for n in (1, 4)]
    run = suite(runner(root), tests=tests)
    assert {t: r.outcome for t, r in run.tests.items()} == dict.fromkeys(tests, "passed")
    assert set(seen.read_text().split()).isdisjoint(f"p{n}" for n in range(9) if n not in {1, 4})
