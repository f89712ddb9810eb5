"""What a shell is offered: it evaluates some of that, so no word of a project's may be in it; and nothing changes."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reknit.cli.complete import patches, receipts
from reknit.model.patch import Entry, Origin, Span
from reknit.store.db import Store
from reknit.store.place import project_state
from tests.unit.history import Place
from tests.unit.verify.stage import patch

EVIL = "\\$(touch ran)`touch ran`\"';\n\\\\$(touch ran) &|<>*~#!{}[]%\x1b\u202e"
PLAIN = re.compile(r"[A-Za-z0-9 _./,+-]*")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project in which a patch is proposed and another one applied, to a file of an evil name."""
    place = Place(tmp_path)
    name = f"{EVIL.replace('/', '')}.py"
    (place.root / name).write_bytes(b"one = 1\n")
    (place.root / name).chmod(0o644)
    span = Span(path=name, start=6, end=7, old=b"1", new=b"2")
    evil = patch(span, tree={name: Entry(content=b"one = 1\n")})
    evil = replace(evil, origin=Origin(proposer="search", operator=f"constant{EVIL}", note=f"`{EVIL}` instead"))
    place.propose(evil)
    place.apply(evil)
    return place


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_help_has_nothing_that_a_shell_acts_on(place: Place, verb: str) -> None:
    found = patches(place.options, "") if verb == "apply" else receipts(place.options, "", applied=True)
    ((key, words),) = found
    assert re.fullmatch(r"[A-Za-z0-9-]+", key)
    assert PLAIN.fullmatch(words)
    assert "touch ran" in words, "the plain part is kept"


@pytest.mark.parametrize("verb", ["apply", "undo"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_nor_has_what_the_shells_are_given(place: Place, verb: str, shell: str) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(place.base),
        "REKNIT_STATE_DIR": str(place.base),
        "_REKNIT_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": f"reknit {verb} ",
        "COMP_CWORD": "2",
        "_TYPER_COMPLETE_ARGS": f"reknit {verb} ",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    } | {n: v for n, v in os.environ.items() if n in {"PYTHONPATH", "COVERAGE_PROCESS_START"}}
    program = place.base.parent / "reknit"
    program.write_text(f"#!{sys.executable} -P\nfrom reknit.cli.main import run\nrun()\n")
    program.chmod(0o755)
    done = subprocess.run([program], cwd=place.root, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    own = {"bash": r"[A-Za-z0-9-]+", "zsh": r"_arguments '\*: :\(\(\"(.*)\":\"(.*)\"\)\)'", "fish": r"(\S+)\t(.*)"}[
        shell
    ]
    found = re.fullmatch(own, done.stdout.rstrip("\n"))
    assert found, done.stdout
    assert all(PLAIN.fullmatch(word) for word in found.groups())
    if shell == "bash":
        script = f"COMPREPLY=( $(printf '%s' {done.stdout.strip()}) )"
        subprocess.run(["bash", "--norc", "-c", script], cwd=place.root, check=True)
    assert not (place.root / "ran").exists()


class TestNothingChanges:
    """Not even where the store is of another time, damaged, or in use."""

    @pytest.fixture
    def store(self, place: Place) -> Path:
        return project_state(place.root, place.base) / "store.db"

    def check(self, place: Place, store: Path, found: int) -> None:
        before = {p: p.read_bytes() for p in place.base.rglob("*") if p.is_file()}
        assert len(patches(place.options, "")) == found
        assert {p: p.read_bytes() for p in place.base.rglob("*") if p.is_file()} == before
        assert store in before

    def test_a_store_at_rest(self, place: Place, store: Path) -> None:
        self.check(place, store, 1)

    def test_a_damaged_store(self, place: Place, store: Path) -> None:
        store.write_bytes(store.read_bytes()[:100] + b"\xa5" * 9000)
        self.check(place, store, 0)

    @pytest.mark.parametrize("version", [0, 1, 999])
    def test_a_store_of_another_schema(self, place: Place, store: Path, version: int) -> None:
        db = sqlite3.connect(store)
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(f"PRAGMA user_version = {version}")
        db.close()
        self.check(place, store, 0)

    def test_a_store_in_use(self, place: Place, store: Path) -> None:
        with Store.open(store) as held:
            held.remember("kind", "key", b"value")
            assert len(patches(place.options, "")) == 1

    def test_none(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        assert patches(place.options, "") == receipts(place.options, "", applied=True) == []
        assert not place.base.exists()
