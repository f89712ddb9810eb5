"""Whatever step of an act a crash, an error or somebody else meets, no byte is lost."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reknit.apply import exchange
from reknit.errors import ConflictError, JournalError, ReknitError
from reknit.model.patch import Span
from tests.fault.faults import around_os
from tests.unit.apply.place import Place, scratch

ROOT = Path(__file__).parents[2]
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


#: Points of each mode that there are at least: a sweep that finds no call finds no fault.
_FEWEST = {"short writes": 10}


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "verb"),
    [
        *[(mode, verb) for mode in ("kill", "short writes") for verb in ("apply", "undo", "redo")],
        *[(mode, verb) for mode in ("kill twice", "EIO", "ENOSPC", "EINTR") for verb in ("apply", "undo")],
        ("EIO for good", "apply"),
    ],
)
def test_the_tree_is_exactly_old_or_exactly_new(mode: str, verb: str) -> None:
    if mode == "short writes" and platform.machine() != "x86_64":
        pytest.skip("needs x86-64, whose registers are set")
    with scratch() as folder:
        result = _run("crash.py", verb, mode, str(folder / "bed"))
    assert result["problems"] == []
    assert result["points"] >= _FEWEST.get(mode, 40)


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("verb", ["apply", "undo", "redo"])
def test_whatever_a_power_cut_leaves_is_brought_to_one_side(verb: str) -> None:
    with scratch() as folder:
        result = _run("powerloss.py", verb, "", str(folder / "bed"))
    assert result["problems"] == []
    assert result["disks"] > 300


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("mutant", ["all", "files", "folders"])
def test_a_journal_that_does_not_sync_is_found_out(mutant: str) -> None:
    """The control: what the test above is worth."""
    with scratch() as folder:
        result = _run("powerloss.py", "apply", mutant, str(folder / "bed"))
    assert len(result["problems"]) > 10


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "EIO", "ENOSPC"])
def test_a_store_comes_forward_whole_or_stays_as_it_was(mode: str) -> None:
    with scratch() as folder:
        result = _run("migrate.py", mode, str(folder / "bed"))
    assert result["problems"] == []
    assert result["points"] > 80


@pytest.mark.slow
def test_of_two_that_heal_and_one_that_edits_nobody_loses_an_update(tmp_path: Path) -> None:
    result = _run("rivals.py", os.environ.get("REKNIT_TEST_SECONDS", "5"), "1", str(tmp_path / "bed"))
    assert (result["problems"], result["left"]) == ([], [])
    for who in ("first", "second"):
        assert result["counts"][who]["apply"] > 5
        assert set(result["counts"][who]) <= {
            f"{verb}{how}" for verb in ("apply", "undo", "redo") for how in ("", ": conflict", ": busy")
        }
    assert min(result["counts"]["hand"].values()) > 5


def test_of_two_processes_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    for round_ in range(3):
        result = _run("race.py", str(tmp_path / str(round_)))
        assert sorted(result["endings"]) == ["ConflictError"] * 3 + ["written"]
        assert result["content"] in {f"{who}\n" for who in "0123"}
        assert result["acts"] == 1


def _run(program: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, ROOT / "tests/fault" / program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_in_a_read_only_folder_nothing_is_changed() -> None:
    result = _run("read_only.py")
    assert result == {"slug": "read-only", "unchanged": True, "left": [], "afterwards": "two\n"}


def _place(folder: Path) -> tuple[Place, Path]:
    """A project, and a folder outside with the same files."""
    place, outside = Place(folder), folder / "outside"
    place.fill({"pkg/a.py": b"one\n"})
    outside.mkdir()
    (outside / "a.py").write_bytes(b"one\n")
    return place, outside


def _patch(place: Place) -> Any:
    return place.patch(Span(path="pkg/a.py", start=0, end=3, old=b"one", new=b"two"))


@pytest.mark.parametrize("what", ["folder", "file"])
def test_nothing_outside_is_written_when_a_path_becomes_a_link(what: str) -> None:
    for step in range(1, 200):
        with scratch() as folder:
            place, outside = _place(folder)
            patch, swapped = _patch(place), False
            victim, link = (place.root / "pkg", outside) if what == "folder" else (
                place.root / "pkg/a.py", outside / "a.py"
            )  # fmt: skip

            def swap(
                number: int, name: str, args: tuple[Any, ...], at: int = step, victim: Path = victim, link: Path = link
            ) -> None:
                nonlocal swapped
                if number == at:
                    swapped = True
                    subprocess.run(["mv", victim, f"{victim}.moved"], check=True)
                    subprocess.run(["ln", "-s", link, victim], check=True)

            try:
                with around_os(swap):
                    place.apply(patch)
            except ReknitError:
                pass
            assert [path.name for path in outside.iterdir()] == ["a.py"], step
            assert (outside / "a.py").read_bytes() == b"one\n", step
            if not swapped:
                return
    pytest.fail("the act never ended")


#: How editors save: another file in its place, or other bytes in the same file.
_SAVES = {"replaced": 'echo mine > "$0.new" && mv "$0.new" "$0"', "in place": 'echo mine > "$0"'}


@pytest.mark.parametrize("how", _SAVES)
def test_a_save_by_somebody_else_is_kept_at_every_step(how: str) -> None:
    for step in range(1, 300):
        with scratch() as folder:
            place, _ = _place(folder)
            place.fill({"pkg/0.py": b"one\n", "pkg/z.py": b"one\n"})
            others = [edit for name in ("pkg/0.py", "pkg/z.py") for edit in place.change(name, b"one", b"two").edits]
            patch, saved, written = place.patch(*_patch(place).edits, *others), False, False
            target = place.root / "pkg/a.py"

            def save(number: int, name: str, args: tuple[Any, ...], at: int = step, target: Path = target) -> None:
                nonlocal saved
                if number == at:
                    saved = True
                    subprocess.run(["sh", "-c", _SAVES[how], target], check=True)

            with contextlib.suppress(ConflictError), around_os(save):
                place.apply(patch)
                written = True
            for _ in range(2):
                assert target.read_bytes() == (b"mine\n" if saved else b"two\n"), step
                found = {path.name: path.read_bytes() for path in target.parent.iterdir() if path != target}
                assert found == dict.fromkeys(("0.py", "z.py"), b"two\n" if written else b"one\n"), step
                place.journal.recover()
            if not saved:
                return
    pytest.fail("the act never ended")


def test_without_an_exchange_of_names_only_the_last_look_is_unprotected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what the exchange is for."""
    monkeypatch.setattr(exchange, "_found", lambda: None)
    lost = []
    for step in range(1, 200):
        with scratch() as folder:
            place, _ = _place(folder)
            patch, target, saved = _patch(place), place.root / "pkg/a.py", False

            def save(number: int, name: str, args: tuple[Any, ...], at: int = step, target: Path = target) -> None:
                nonlocal saved
                if number == at:
                    saved = True
                    subprocess.run(["sh", "-c", _SAVES["replaced"], target], check=True)

            with contextlib.suppress(ConflictError, JournalError), around_os(save):
                place.apply(patch)
            if saved and target.read_bytes() != b"mine\n":
                lost.append(step)
            if not saved:
                break
    assert 1 <= len(lost) <= 4
    assert lost == [*range(lost[0], lost[-1] + 1)]


def test_a_save_while_new_files_are_written_is_a_plain_conflict(tmp_path: Path) -> None:
    place, _ = _place(tmp_path)
    place.fill({"a.py": b"one\n"})
    patch = place.patch(*place.change("a.py", b"one", b"two").edits, *_patch(place).edits)

    def save(number: int, name: str, args: tuple[Any, ...]) -> None:
        if name == "open" and "-1.on" in str(args[0]):
            (place.root / "pkg/a.py").write_bytes(b"mine\n")

    with around_os(save), pytest.raises(ConflictError):
        place.apply(patch)
    assert (place.root / "a.py").read_bytes() == b"one\n"
    assert (place.root / "pkg/a.py").read_bytes() == b"mine\n"
    assert [path.name for path in (place.state / "journal").iterdir()] == ["lock"]
