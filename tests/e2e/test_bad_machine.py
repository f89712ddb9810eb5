"""Machines and people in the way: broken environments, full and read-only disks, two at once, edits, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.machine import CALC, COMMAND, TESTS, Done, Project, build_environment, make
from tests.e2e.test_cli import check_error
from tests.e2e.test_heal import FIXED

FILES = {"calc.py": CALC, "tests/test_calc.py": TESTS}
#: Makes its stdin the terminal that Ctrl-C comes from, and becomes the command.
_ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
WRITE = ("heal", "--jobs", "1", "--max-time", "60", "--apply", "--unsafe", "--yes")


def _raises(site: Path) -> None:
    (site / "pytest" / "__init__.py").write_text("raise RuntimeError('half installed')\n")


def _of_another_time(site: Path) -> None:
    (info,) = site.glob("pytest-*.dist-info")
    info.rename(site / "pytest-99.0.dist-info")
    init = site / "pytest" / "__init__.py"
    init.write_text(init.read_text() + "\ndel hookimpl\n")


def _ends_at_start(site: Path) -> None:
    (site / "sitecustomize.py").write_text("import os\nos._exit(1)\n")


@pytest.mark.parametrize(
    ("spoil", "slug", "says"),
    [
        (_raises, "broken-pytest", "which cannot be used: RuntimeError: half installed; no test was run"),
        (_of_another_time, "broken-pytest", "which cannot be used: AttributeError: "),
        (_ends_at_start, "broken-environment", "does not start, so no test was run and nothing was changed"),
    ],
    ids=["pytest is half installed", "pytest is too new", "the interpreter ends at its start"],
)
def test_a_broken_environment(tmp_path: Path, spoil: Callable[[Path], None], slug: str, says: str) -> None:
    one = make(tmp_path, FILES)
    spoil(build_environment(tmp_path / "venv"))
    check_error(one, ["heal", "--python", str(tmp_path / "venv")], 4, slug, says)


def mounted(one: Project, script: str) -> Done:
    """`reknit heal --apply` after `script`, which may mount; skips where nothing can be mounted."""
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("needs unshare, and the right to mount")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-ec", f'{script}\nexec "$@"', "sh", *COMMAND, *WRITE, "-C", str(one.root)],
        env={**one.environment(), "P": str(one.root), "S": str(one.state)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    return Done(status=done.returncode, out=done.stdout, err=done.stderr)


READ_ONLY = 'mount --bind "$P" "$P"; mount -o remount,ro,bind "$P"'
FULL = """
cp -a "$P" "$S/copy"
mount -t tmpfs -o size=64k tmpfs "$P"
cp -a "$S/copy/." "$P"
rm -r "$S/copy"
head -c 100000 /dev/zero > "$P/filler" 2>&- || true
"""


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (READ_ONLY, "Read-only file system; nothing was changed"),
        (FULL, "No space left on device; nothing was changed"),
    ],
    ids=["a read-only project", "a full disk"],
)
def test_a_patch_that_cannot_be_written_can_be_had_later(tmp_path: Path, script: str, says: str) -> None:
    one = make(tmp_path, FILES)
    one.environment()  # makes the state folder
    before = one.fingerprint()
    done = mounted(one, script)
    assert done.status == 3, done.out + done.err
    assert says in done.out
    assert "was not written: " in done.out
    assert "Traceback" not in done.err
    assert one.fingerprint() == before
    assert one.run("apply").status == 0, "the patch that was found is not lost"
    assert one.read("calc.py") == FIXED


@pytest.mark.parametrize("option", ["ro", "size=4k"], ids=["read-only", "full"])
def test_a_state_folder_that_cannot_be_written(tmp_path: Path, option: str) -> None:
    one = make(tmp_path, FILES)
    one.environment()
    before = one.fingerprint()
    done = mounted(one, f'mount -t tmpfs -o {option} tmpfs "$S"')
    assert (done.status, done.out) == (4, ""), done.err
    assert "cannot use the history in " in done.err
    assert "REKNIT_STATE_DIR" in done.err
    assert "Traceback" not in done.err
    assert one.fingerprint() == before


def finish(process: subprocess.Popen[bytes], said: bytes = b"") -> Done:
    out, err = process.communicate(timeout=180)
    return Done(status=process.returncode, out=out.decode(), err=(said + err).decode())


def at(one: Project, words: tuple[str, ...], when: str, act: Callable[[], object]) -> Done:
    """Run, and `act` when this text has come on stderr."""
    with one.start(*words) as process:
        assert process.stderr is not None
        said, until = b"", time.monotonic() + 120
        while when.encode() not in said and time.monotonic() < until:
            said += process.stderr.readline()
        act()
        return finish(process, said)


def test_two_at_once(tmp_path: Path) -> None:
    """One writes; the other finds the mistake gone, or says why its patch was not written."""
    one = make(tmp_path, FILES)
    with one.start(*WRITE) as first, one.start(*WRITE) as second:
        ends = [finish(first), finish(second)]
    assert one.read("calc.py") == FIXED
    statuses = sorted(d.status for d in ends)
    assert statuses in ([0, 0], [0, 1], [0, 3]), ends
    assert sum("\nhealed  " in f"\n{d.out}" for d in ends) == 1, ends
    assert not any("Traceback" in d.err for d in ends)
    assert one.run("undo").status == 0
    assert one.read("calc.py") == CALC
    assert one.run("undo").status == 2, "it was applied once"


def test_an_edit_while_a_patch_is_checked_is_kept(tmp_path: Path) -> None:
    one = make(tmp_path, FILES)
    mine = CALC.replace(b"high:\n        return low", b"high:\n        return min(low, high)")
    done = at(one, WRITE, "verify: checking", lambda: one.write({"calc.py": mine}))
    assert one.read("calc.py") == mine
    assert done.status == 3, done.out + done.err
    assert "was not written: its place was changed since it was made" in done.out


def test_a_project_that_vanishes(tmp_path: Path) -> None:
    one = make(tmp_path, FILES)
    done = at(one, WRITE, "verify: checking", lambda: one.root.rename(tmp_path / "moved"))
    assert done.status in {3, 4}, done.out + done.err
    assert "Traceback" not in done.err
    assert not one.root.exists()
    assert (tmp_path / "moved/calc.py").read_bytes() == CALC


def left(one: Project) -> list[str]:
    """Processes that still work in the project."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(one.root)) and process.pid != os.getpid():
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("when", ["detect:", "diagnose: tracing", "diagnose: running", "verify:"])
def test_ctrl_c_at_every_stage(tmp_path: Path, when: str) -> None:
    one = make(tmp_path, FILES)
    before = one.fingerprint()
    done = one.interrupt(*WRITE, when=when)
    assert (done.status, done.out) == (130, ""), done.err
    assert done.err.endswith("interrupted; the project's files are as they were\n"), done.err
    assert one.fingerprint() == before
    until = time.monotonic() + 5
    while left(one) and time.monotonic() < until:
        time.sleep(0.05)
    assert left(one) == []


def test_a_kill_leaves_no_process(tmp_path: Path) -> None:
    """SIGTERM ends the run as the terminal's end would: at once, and with all that it had started."""
    one = make(tmp_path, FILES)
    before = one.fingerprint()
    with one.start(*WRITE) as process:
        assert process.stderr is not None
        while b"propose:" not in process.stderr.readline():
            pass
        assert len(left(one)) > 1
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    until = time.monotonic() + 10
    while left(one) and time.monotonic() < until:
        time.sleep(0.05)
    assert left(one) == []
    assert one.fingerprint() == before


def test_ctrl_c_at_the_question(tmp_path: Path) -> None:
    """Nothing is written, and the patch that was asked about can be had."""
    one = make(tmp_path, FILES)
    before = one.fingerprint()
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _ON_A_TERMINAL, *COMMAND, *WRITE[:-1]],
        cwd=one.root,
        env={**one.environment(), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(ours, 4096)
        os.write(ours, b"\x03")
        with contextlib.suppress(OSError):  # a terminal that nobody has open is an error, not an end
            while more := os.read(ours, 4096):
                said += more
    os.close(ours)
    assert process.returncode == 130, said
    assert b"interrupted; the project's files are as they were" in said
    assert one.fingerprint() == before
    assert one.run("apply").status == 0
    assert one.read("calc.py") == FIXED
