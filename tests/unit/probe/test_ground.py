"""What is left behind is taken back: changes of all kinds, in plain folders and in an overlay's layers."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reknit.probe import ground as module
from reknit.probe.ground import Ground

State = dict[str, tuple[int, bytes, int]]


def seen(folder: Path) -> State:
    """All that is in it, with modes; of files the times too."""
    found: State = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (
            state.st_mode,
            data,
            state.st_mtime_ns if stat.S_ISREG(state.st_mode) else 0,
        )
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "folder"
    (made / "a" / "b").mkdir(parents=True)
    (made / "a" / "data").write_text("3")
    (made / "a" / "b" / "deep").write_text("deep")
    (made / "link").symlink_to("a/data")
    (made / "program").write_text("x")
    (made / "program").chmod(0o755)
    os.utime(made / "a" / "data", (1, 1))
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


def keeping_size_and_time(folder: Path) -> None:
    path = folder / "a" / "data"
    was = path.stat()
    path.write_text("4")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


Step = Callable[[Path], object]


def steps(*each: Step) -> Step:
    def run(folder: Path) -> None:
        for step in each:
            step(folder)

    return run


CHANGES: dict[str, Step] = {
    "nothing": lambda _: None,
    "written": lambda f: (f / "a" / "data").write_text("another"),
    "size and time as before": keeping_size_and_time,
    "removed": lambda f: (f / "a" / "data").unlink(),
    "made": lambda f: (f / "new").write_text(""),
    "a folder made": lambda f: shutil.copytree(f / "a", f / "c"),
    "a folder removed": lambda f: shutil.rmtree(f / "a"),
    "a folder moved": lambda f: (f / "a").rename(f / "c"),
    "a folder for a file": steps(
        lambda f: (f / "program").unlink(), lambda f: (f / "program" / "x").mkdir(parents=True)
    ),
    "a file for a folder": steps(lambda f: shutil.rmtree(f / "a"), lambda f: (f / "a").write_text("")),
    "a link for a file": steps(lambda f: (f / "program").unlink(), lambda f: (f / "program").symlink_to("/dev/null")),
    "a link for a folder": steps(lambda f: shutil.rmtree(f / "a"), lambda f: (f / "a").symlink_to("/")),
    "another link": steps(lambda f: (f / "link").unlink(), lambda f: (f / "link").symlink_to("program")),
    "a pipe": lambda f: os.mkfifo(f / "pipe"),
    "another mode": lambda f: (f / "program").chmod(0o600),
    "folders closed": steps(lambda f: (f / "a" / "b").chmod(0), lambda f: (f / "a").chmod(0), lambda f: f.chmod(0)),
    "a hard link": steps(lambda f: (f / "x").hardlink_to(f / "a" / "data"), lambda f: (f / "x").write_text("9")),
    "another time": lambda f: os.utime(f / "program", (5, 5)),
    "names that are no text": lambda f: Path(os.fsdecode(os.fsencode(f) + b"/\xff")).write_text(""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_it_is_as_it_was(folder: Path, change: Callable[[Path], object]) -> None:
    """Twice, as what was put back is what the next is compared with."""
    mode, before = folder.stat().st_mode, seen(folder)
    ground = Ground([[str(folder), str(folder), ""]])
    for _ in range(2):
        change(folder)
        assert ground.restore(learn=False)
        assert (folder.stat().st_mode, seen(folder)) == (mode, before)


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    ground = Ground([[str(folder), str(folder), ""]])
    (folder / "away").symlink_to(outside)
    (folder / "a" / "away").symlink_to(outside)
    assert ground.restore(learn=False)
    assert (outside / "kept").exists()
    assert not (folder / "away").is_symlink()


def test_what_candidates_compile_is_dropped_and_what_the_original_does_is_kept(folder: Path) -> None:
    ground = Ground([[str(folder), str(folder), ""]])
    bytecode = folder / "pycache" / "x.pyc"
    bytecode.parent.mkdir()
    bytecode.write_text("a candidate's")
    assert ground.restore(learn=False)
    assert not bytecode.parent.exists()
    bytecode.parent.mkdir()
    bytecode.write_text("the original's")
    (folder / "new").write_text("")
    assert ground.restore(learn=True)
    assert ground.restore(learn=False)
    assert bytecode.read_text() == "the original's"
    assert not (folder / "new").exists()
    bytecode.write_text("another's")
    assert ground.restore(learn=False)
    assert not bytecode.exists()


def test_what_cannot_be_removed_is_told(folder: Path) -> None:
    """Paths longer than the system allows, made step by step."""
    ground = Ground([[str(folder), str(folder), ""]])
    here = os.open(folder, os.O_RDONLY)
    top = here
    try:
        for _ in range(30):
            os.mkdir("d" * 200, dir_fd=here)
            inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            if here != top:
                os.close(here)
            here = inner
        assert not ground.restore(learn=False)
    finally:
        os.close(here)
        os.close(top)


@pytest.mark.parametrize(("name", "value"), [("_ENTRIES", 3), ("_BYTES", 3)])
def test_too_much_is_not_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    monkeypatch.setattr(module, name, value)
    ground = Ground([[str(folder), str(folder), ""]])
    (folder / "new").write_text("")
    assert ground.restore(learn=False)
    assert (folder / "new").exists()


def test_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in the upper layer comes back from the lower one; here by plain folders, one of them both."""
    shown, lower = tmp_path / "shown", tmp_path / "lower"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "other"))
    for root in (shown, lower):
        root.mkdir()
    (lower / "t").mkdir()
    (lower / "t" / "data").write_text("3")
    (lower / "t" / "data").chmod(0o640)
    os.utime(lower / "t" / "data", (7, 7))
    (lower / "mod.py").write_text("lower")
    (shown / "mod.py").write_text("patched")  # as it is when the worker starts
    ground = Ground([[str(shown), str(shown), str(lower)]])
    (shown / "mod.py").write_text("poisoned")
    (shown / "t").write_text("a file where a folder was")
    (shown / "new").write_text("")
    assert ground.restore(learn=False)
    assert (shown / "mod.py").read_text() == "patched"
    state = (shown / "t" / "data").stat()
    assert ((shown / "t" / "data").read_text(), stat.S_IMODE(state.st_mode), state.st_mtime) == ("3", 0o640, 7)
    assert not (shown / "new").exists()
    before = seen(shown)
    assert ground.restore(learn=False)
    assert seen(shown) == before
