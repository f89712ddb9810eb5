"""Whatever step of an act a crash, an error or somebody else meets, no byte is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reknit.errors import ConflictError, JournalError, ReknitError
from reknit.model.patch import Span
from tests.fault.faults import around_os
from tests.unit.apply.place import Place, scratch

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "verb"),
    [
        *[("kill", verb) for verb in ("apply", "undo", "redo")],
        *[(mode, verb) for mode in ("kill twice", "EIO", "EIO for good") for verb in ("apply", "undo")],
        ("ENOSPC", "apply"),
    ],
)
def test_the_tree_is_exactly_old_or_exactly_new(mode: str, verb: str) -> None:
    with scratch() as folder:
        result = _run("crash.py", verb, mode, str(folder / "bed"))
    assert result["problems"] == []
    assert result["steps"] > 100


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


def test_a_save_by_somebody_else_is_kept_at_every_step_but_the_last_look() -> None:
    unprotected = _last_look()
    for step in range(1, 200):
        with scratch() as folder:
            place, _ = _place(folder)
            patch, saved = _patch(place), False
            target = place.root / "pkg/a.py"

            def save(number: int, name: str, args: tuple[Any, ...], at: int = step, target: Path = target) -> None:
                nonlocal saved
                if number == at:
                    saved = True
                    subprocess.run(["sh", "-c", 'echo mine > "$0.new" && mv "$0.new" "$0"', target], check=True)

            try:
                with around_os(save):
                    place.apply(patch)
            except (ConflictError, JournalError):
                assert target.read_bytes() == b"mine\n", step
            else:
                assert not saved or step in unprotected or target.read_bytes() == b"mine\n", step
            place.journal.recover()
            assert not saved or step in unprotected or target.read_bytes() == b"mine\n", step
            assert [path.name for path in target.parent.iterdir()] == ["a.py"], step
            if not saved:
                return
    pytest.fail("the act never ended")


def test_a_save_while_new_files_are_written_is_a_plain_conflict(tmp_path: Path) -> None:
    place, _ = _place(tmp_path)
    place.fill({"a.py": b"one\n"})
    patch = place.patch(*place.change("a.py", b"one", b"two").edits, *_patch(place).edits)

    def save(number: int, name: str, args: tuple[Any, ...]) -> None:
        if name == "open" and "-1.tmp" in str(args[0]):
            (place.root / "pkg/a.py").write_bytes(b"mine\n")

    with around_os(save), pytest.raises(ConflictError):
        place.apply(patch)
    assert (place.root / "a.py").read_bytes() == b"one\n"
    assert (place.root / "pkg/a.py").read_bytes() == b"mine\n"
    assert [path.name for path in (place.state / "journal").iterdir()] == ["lock"]


def _last_look() -> range:
    """Numbers of the calls from the last opening of the target to the rename over it."""
    calls: list[tuple[str, tuple[Any, ...]]] = []
    for _ in range(2):  # the first time, imports make calls of their own
        calls.clear()
        with scratch() as folder:
            place, _outside = _place(folder)
            patch = _patch(place)
            with around_os(lambda _, name, args: calls.append((name, args))):
                place.apply(patch)
    rename = next(at for at, (name, args) in enumerate(calls) if name == "rename" and args[1] == "a.py")
    opened = max(at for at in range(rename) if calls[at][0] == "open" and calls[at][1][0] == "a.py")
    assert [name for name, _ in calls[opened : rename + 1]] == ["open", "read", "read", "rename"]
    return range(opened + 2, rename + 2)
