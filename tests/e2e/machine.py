"""A small project in a folder of its own, and `reknit` as a user runs it: a process, with streams that are pipes."""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reknit import sandbox
from reknit.errors import SandboxError

COMMAND = (sys.executable, "-c", "from reknit.cli.main import run; run()")
COST = re.compile(r"cost: 0 model calls, \$0\.00, (\d+) candidates(?: \([^)]*\))?, [\d.]+ s \([\d.]+ s CPU\)")

PYPROJECT = b'[project]\nname = "calc"\nversion = "1"\n'
CALC = b"""\
def clamp(value, low, high):
    if value < low:
        return low
    if value > high:
        return low
    return value


def first(items):
    return items[0]
"""
TESTS = b"""\
from calc import clamp, first


def test_inside():
    assert clamp(5, 0, 10) == 5


def test_below():
    assert clamp(-1, 0, 10) == 0


def test_above():
    assert clamp(11, 0, 10) == 10


def test_first():
    assert first([7, 8]) == 7
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of stdout."""
        return self.out.rstrip("\n").rpartition("\n")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project, and the state that reknit keeps of it."""

    root: Path
    state: Path
    env: Mapping[str, str] = field(default_factory=dict)
    #: What starts reknit.
    command: tuple[str, ...] = COMMAND

    def write(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def environment(self) -> dict[str, str]:
        """The user's, without what would lead out of the test."""
        home = self.state / "home"
        home.mkdir(parents=True, exist_ok=True)
        kept = {n: os.environ[n] for n in ("PATH", "LANG", "LC_ALL", "TMPDIR", "REKNIT_STATE_DIR") if n in os.environ}
        return {**kept, "HOME": str(home), "REKNIT_STATE_DIR": str(self.state), **self.env}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, *words],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *words: str) -> Done:
        with self.start(*words) as process:
            try:
                out, err = process.communicate(timeout=180)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Done(status=process.returncode, out=out.decode(), err=err.decode())

    def heal(self, *words: str, seconds: int = 60) -> Done:
        """`reknit heal`, long enough for a loaded machine, with one worker to start."""
        return self.run("heal", "--jobs", "1", "--max-time", str(seconds), *words)

    def interrupt(self, *words: str, when: str) -> Done:
        """Run, and press Ctrl-C when this text has come on stderr."""
        with self.start(*words) as process:
            assert process.stderr is not None
            said, until = b"", time.monotonic() + 120
            while when.encode() not in said and time.monotonic() < until:
                said += process.stderr.readline()
            os.killpg(process.pid, signal.SIGINT)
            try:
                out, err = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Done(status=process.returncode, out=out.decode(), err=(said + err).decode())

    def fingerprint(self) -> dict[str, tuple[str, int]]:
        """Every file with a hash of its bytes and its time of change; what pytest caches aside."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_file():
                found[name] = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            else:
                found[name] = ("", path.stat().st_mtime_ns)
        return found


#: What pytest is made of; the last three for Pythons before 3.11.
_PYTEST = (
    "pytest",
    "_pytest",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "exceptiongroup",
    "tomli",
    "typing_extensions",
)
#: Where scripts/setup.sh puts a pytest for Pythons that the newest no longer runs on.
OLD_PYTEST = Path(sys.prefix) / "py39"


def build_environment(folder: Path, python: Path | None = None, ours: Path | None = None) -> Path:
    """A virtual environment with a copy of a pytest, and none of its plug-ins; its site-packages folder."""
    subprocess.run([python or sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    ours = ours or Path(sysconfig.get_path("purelib"))
    (site,) = folder.glob("lib/python*/site-packages")
    for name in _PYTEST:
        for source in (ours / name, *ours.glob(f"{name}-[0-9]*.dist-info")):
            if source.exists():
                shutil.copytree(source, site / source.name)
    for name in ("py.py", "typing_extensions.py"):
        if (ours / name).exists():
            shutil.copy(ours / name, site)
    return site


@functools.cache
def environment() -> Path:
    """One for all tests of this process, gone with it: plug-ins of ours would cost each run a second."""
    folder = Path(tempfile.mkdtemp(prefix="reknit-e2e-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build_environment(folder / "venv")
    return folder / "venv"


def make(folder: Path, files: Mapping[str, bytes], **env: str) -> Project:
    """A project in `folder` with these files, in an active environment; skips, naming it, where no isolation works."""
    try:
        sandbox.find()
    except SandboxError as exc:
        pytest.skip(exc.message)
    active = {"VIRTUAL_ENV": str(environment())}
    project = Project(root=folder.resolve() / "project", state=folder.resolve() / "state", env={**active, **env})
    project.write({"pyproject.toml": PYPROJECT, **files})
    return project


def receipts(project: Project) -> list[str]:
    """Receipt ids of the applications, oldest first."""
    return re.findall(r"  apply  (\w+)", project.run("log").out)


def patches(done: Done) -> list[str]:
    """Short ids of the patches in a report, in its order."""
    return re.findall(r"PLAUSIBLE  patch (\w+)", done.out)


def check_mended(
    folder: Path, files: Mapping[str, bytes], path: str, *words: str, right: bytes, wrong: bytes, tests: str, **env: str
) -> str:
    """From `files` with the one `right` piece of `path` turned `wrong`, the right bytes come back; what was printed.

    `tests` is "how many fail/how many there are".
    """
    assert files[path].count(right) == 1
    project = make(folder, {**files, path: files[path].replace(right, wrong)}, **env)
    before = project.fingerprint()
    done = project.heal("--apply", "--unsafe", "--yes", *words)
    assert done.status == 0, done.out + done.err
    assert project.read(path) == files[path]
    bad, total = tests.split("/")
    more = f" and {int(bad) - 1} more" if bad != "1" else ""
    assert re.search(rf"^healed  \S+{more}$", done.out, re.MULTILINE), done.out
    assert f" failing now pass, {total} of {total} tests pass in a clean process" in done.out, done.out
    assert COST.fullmatch(done.last)
    after = project.fingerprint()
    changed = [n for n in after if n not in before or after[n][0] != before[n][0]]
    # Without isolation, a program that is started with an environment of its own leaves bytecode.
    assert [n for n in changed if "__pycache__" not in n] == [path]
    return done.out
