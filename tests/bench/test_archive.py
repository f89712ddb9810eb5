"""Diffs come out of a repository as its commits made them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from archive import drawn

PROGRAM = Path(__file__).resolve().parents[2] / "bench" / "archive.py"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()

    def git(*words: str) -> None:
        name = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.quotePath=true")
        subprocess.run(["git", "-C", root, *name, *words], check=True, capture_output=True)

    git("init", "-q")
    for number, text in enumerate([b"one = 1\n", b"one = 2\n", b"one = 2\n" * 500]):
        (root / "a b\xe9.py").write_bytes(text)
        (root / "c.txt").write_bytes(b"%d" % number)
        git("add", ".")
        git("commit", "-qm", "more")
    return root


def test_small_changes_of_python_files_newest_first(repository: Path) -> None:
    texts = [text.decode() for _, text in drawn([repository], 10, 300)]
    name = "a b\xe9.py"
    assert texts == [
        f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-one = 1\n+one = 2\n",
        f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+one = 1\n",
    ]
    assert len(drawn([repository, repository], 10, 300)) == 4
    assert len(drawn([repository, repository], 2, 300)) == 2


def test_the_last_line_is_json(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--repo", repository, "--diffs", "2", "--times", "5"],
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["diffs"] == 2
    assert result["ratio"] > 1, "a dictionary is worth nothing for two diffs"
    assert 0 < result["entry_us"] < result["cold_entry_us"]
