"""The bounds of every level of isolation, which hold for root too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reknit.sandbox import Limits, Sandbox
from tests.escape.jail import ALL, PATIENCE, Attempt, open_jail


@pytest.fixture(params=ALL)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "project"
    project.mkdir()
    (project / "ignored.log").write_text("ignored\n")
    return project


def test_memory(sandbox: Sandbox, root: Path) -> None:
    code = "import mmap\ntry:\n mmap.mmap(-1, 600 << 20)\nexcept OSError:\n print('refused')"
    assert Attempt(code=code).inside(sandbox, root).output == ""
    limits = Limits(memory=512 << 20)
    assert Attempt(code=code, limits=limits).inside(sandbox, root).output == "refused\n"


def test_file_size(sandbox: Sandbox, root: Path) -> None:
    code = "import os\nopen(os.environ['TMPDIR'] + '/x', 'wb').write(bytes(3 << 20))"
    ended = Attempt(code=code, limits=Limits(file_size=1 << 20)).inside(sandbox, root)
    assert "File too large" in ended.output


def test_open_files(sandbox: Sandbox, root: Path) -> None:
    code = "import os\nfor _ in range(100): os.dup(1)"
    ended = Attempt(code=code, limits=Limits(open_files=50)).inside(sandbox, root)
    assert "Too many open files" in ended.output


def test_limits_cannot_be_raised(sandbox: Sandbox, root: Path) -> None:
    if sandbox.level == "none" and os.getuid() == 0:
        pytest.skip("nothing holds root where nothing is isolated")
    code = "import resource as r\nr.setrlimit(r.RLIMIT_FSIZE, (2 << 20, 2 << 20))"
    ended = Attempt(code=code, limits=Limits(file_size=1 << 20)).inside(sandbox, root)
    assert "not allowed to raise maximum limit" in ended.output


def test_others_come_first(sandbox: Sandbox, root: Path) -> None:
    """A heal leaves the machine to who sits at it; more processors than its share are not used at a time."""
    code = "import os\nprint(os.nice(0), len(os.sched_getaffinity(0)))\ntry: os.nice(-1)\nexcept OSError: print('no')"
    limits = Limits(niceness=7, cores=1)
    ours = len(os.sched_getaffinity(0))
    inside = Attempt(code=code, limits=limits).inside(sandbox, root)
    assert inside.output.split()[:2] == [str(min(19, os.nice(0) + 7)), str(max(1, ours // 2))]
    assert inside.output.split()[2:] == ["no"] or sandbox.level == "none"


def test_processes(sandbox: Sandbox, root: Path) -> None:
    """A job of `processes` processes runs; not one more."""
    if sandbox.level == "none" and os.getuid() == 0:
        pytest.skip("the kernel does not count root's processes, and nothing is isolated here")
    code = """
import os, time
made = 1
while made < 40:
    try:
        pid = os.fork()
    except BlockingIOError:
        break
    if pid == 0:
        time.sleep(600)
    made += 1
print(made)
"""
    ended = Attempt(code=code, limits=Limits(processes=20)).inside(sandbox, root)
    assert ended.status == 0, ended
    # A normal user's other processes come and go between the count and the attempt.
    slack = 0 if sandbox.level == "bubblewrap" or os.getuid() == 0 else 10
    assert abs(int(ended.output) - 20) <= slack


@pytest.mark.parametrize("place", [".", "$TMPDIR", "$HOME", "/dev/shm"])
def test_disk(sandbox: Sandbox, root: Path, place: str) -> None:
    """All that is written counts together, whatever the files and folders."""
    code = """
import os, sys
folder, written = os.path.expandvars(sys.argv[1]), 0
try:
    for number in range(80):
        with open(f"{folder}/{number}", "wb") as stream:
            stream.write(bytes(1 << 20))
        written += 1
        __import__("time").sleep(0.002)
finally:
    print("written", written)
"""
    files = {"ignored.log": b""}
    job = Attempt(code=code, args=[place], limits=Limits(disk=8 << 20), files=files).job(root)
    if sandbox.level == "none" and place == "/dev/shm":
        pytest.skip("without isolation this is the machine's own")
    with sandbox.start(job) as running:
        running.wait(PATIENCE)
        output = running.output().decode()
    written = int(output.rpartition("written")[2]) if "written" in output else 0
    bound = 80 if sandbox.level != "bubblewrap" else 65 if place == "/dev/shm" else 9
    assert written < bound, output
