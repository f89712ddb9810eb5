"""The mark changes with what tests may depend on, and costs no more in a large project than in a small one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from reknit import footprint as module
from reknit.footprint import footprint

USED = frozenset({"pkg/tests/test_a.py", "pkg/src/a.py", "conftest.py"})


def write(root: Path, *names: str, content: bytes = b"") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, *USED, "pkg/tests/data/deep/golden.json", "pkg/setup.cfg", "other/b.py", "other/far/c.py")
    return tmp_path


@pytest.fixture
def large(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where it is more than what is looked at whole."""
    monkeypatch.setattr(module, "MOST", 10)
    return root


def marks(root: Path) -> tuple[str, str]:
    found = footprint(root, USED)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "name", ["pkg/tests/data/new.json", ".fixtures/mode", "new.py", "other/far/new", "build/x", "pkg/tests/test_b.py"]
)
def test_every_file_counts(root: Path, name: str) -> None:
    before = marks(root)
    write(root, name)
    new = marks(root)
    assert new[0] != before[0]
    assert new[1] != before[1]
    write(root, name, content=b"changed")
    assert marks(root)[0] != new[0]
    assert marks(root)[1] != new[1]


def test_what_is_used_is_told_apart(root: Path) -> None:
    before = marks(root)
    write(root, "pkg/src/a.py", content=b"changed")
    after = marks(root)
    assert after[0] != before[0]
    assert after[1] == before[1]


@pytest.mark.parametrize(
    "name",
    [
        "node_modules/x",
        "__pycache__/x",
        "a.pyc",
        ".git/index",
        ".pytest_cache/v/x",
        ".coverage.1",
        "pkg/.venv/lib/x.py",
    ],
)
def test_tools_and_environments_do_not_count(root: Path, name: str) -> None:
    write(root, "pkg/.venv/pyvenv.cfg")
    before = marks(root)
    write(root, name)
    assert marks(root) == before


def test_links_are_looked_at_and_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away")
    before = marks(root)
    (root / "link").symlink_to(away)
    linked = marks(root)
    assert linked != before
    write(away, "x")
    assert marks(root) == linked


@pytest.mark.parametrize(
    ("name", "counts"),
    {
        "pkg/tests/data/deep/golden.json": True,
        "pkg/tests/data/new.json": True,
        "pkg/tests/test_b.py": True,
        "pkg/src/data/x": True,
        "pkg/src/b.py": True,
        "pkg/setup.cfg": True,
        "pytest.ini": True,
        "pkg/docs/x": False,
        "other/b.py": False,
        "other/far/c.py": False,
    }.items(),
)
def test_of_a_large_project_what_is_near_counts(large: Path, name: str, counts: bool) -> None:
    before = marks(large)
    write(large, name, content=b"changed")
    assert (marks(large) != before) is counts


def test_what_a_test_process_says_leads_nowhere_else(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def scandir(path: Path) -> os._ScandirIterator[str]:
        seen.append(path)
        return real(path)

    real = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    assert footprint(large, {*USED, "../x/y.py", "/etc/passwd", "pkg/../../y.py"}) is not None
    assert {p for p in seen if not p.resolve().is_relative_to(large)} == set()


def test_of_a_folder_with_too_many_files_nothing_is_said(large: Path) -> None:
    assert footprint(large, {"other/b.py"}) is not None
    write(large, *(f"other/{n}" for n in range(11)))
    assert footprint(large, {"other/b.py"}) is None


def looks(root: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, int]:
    """How many folders are listed for the mark."""
    listed = {"folders": 0}
    real = os.scandir

    def scandir(path: Path) -> os._ScandirIterator[str]:
        listed["folders"] += 1
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        assert footprint(root, USED) is not None
    return listed


def test_a_project_that_grows_costs_no_more(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(large, *(f"more/{n}/x.py" for n in range(9)))
    before = looks(large, monkeypatch)
    write(large, *(f"more/{n}/{m}/x.py" for n in range(9) for m in range(9)))
    assert looks(large, monkeypatch) == before
