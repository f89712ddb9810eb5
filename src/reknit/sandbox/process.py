"""A started job as reknit holds it: pipes to the launcher, bounded output, an end that nothing survives."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from reknit.errors import SandboxError
from reknit.sandbox.base import Level, Private, ViewKind
from reknit.sandbox.spec import Spec, write_spec

#: Bytes of output that are kept.
KEPT = 64 << 10
#: Seconds until a launcher must have answered, and until a killed one must be gone.
START, END = 20.0, 5.0
_HERE = Path(__file__).parent
_BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); import launch; launch.main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How and where a job finds the project."""

    level: Level
    view_kind: ViewKind
    root: Path
    private: Sequence[Private]
    #: Deleted when the job has ended.
    scratch: Path | None = None


@dataclass(slots=True)
class Pipes:
    """Ends of the pipes to a launcher: its numbers and ours."""

    spec: int
    report_in: int
    report_out: int
    control_in: int
    control_out: int

    def close_inner(self) -> None:
        for fd in (self.spec, self.report_out, self.control_in):
            os.close(fd)


def launcher(pipes: Pipes) -> list[str]:
    """The command that carries out the spec."""
    fds = [str(fd) for fd in (pipes.spec, pipes.report_out, pipes.control_in)]
    return [sys.executable, "-I", "-S", "-c", _BOOT, str(_HERE), *fds]


def launcher_needs() -> list[Path]:
    """What must be readable for the launcher to start."""
    return [Path(sys.executable), Path(sys.base_prefix) / "lib", _HERE]


class LaunchedJob:
    """`Running` over `launch.py`; `wrap` turns the launcher's command into the one to start."""

    def __init__(
        self,
        spec: Spec,
        shown: Shown,
        *,
        wrap: Callable[[list[str]], Sequence[str]] = lambda command: command,
        extra_fds: Sequence[int] = (),
        started: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.level, self.view_kind, self.root = shown.level, shown.view_kind, shown.root
        self.private = shown.private
        self._scratch = shown.scratch
        self._status: int | None = None
        self._reported = bytearray()
        self._sealed = spec["sealed"]
        self._broken: tuple[str, ...] | None = None
        self._init: int | None = None
        with write_spec(spec) as stream:
            report, control = os.pipe(), os.pipe()
            pipes = Pipes(os.dup(stream.fileno()), *report, *control)
        self._report, self._control = pipes.report_in, pipes.control_out
        try:
            self._process = subprocess.Popen(
                wrap(launcher(pipes)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={"PATH": os.defpath},
                cwd="/",
                pass_fds=[pipes.spec, pipes.report_out, pipes.control_in, *spec["pass_fds"], *extra_fds],
                start_new_session=True,
            )
        except BaseException:  # - Ctrl-C too: nobody else knows of the folder and the pipes
            self._drop_scratch()
            for fd in (self._report, self._control):
                os.close(fd)
            raise
        finally:
            pipes.close_inner()
        self._output = _Tail(cast("IO[bytes]", self._process.stdout))
        try:
            self._init = started()
            self._await_start()
        except (OSError, EOFError, ValueError) as exc:
            self.__exit__()
            raise self._failed(str(exc)) from exc
        except BaseException:  # - Ctrl-C too: the job would live on without an owner
            self.__exit__()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout: float | None = None) -> int | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._status is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._read_report(left):
                return None
            for line in self._lines():
                if line.startswith("broken "):
                    self._broken = tuple(self._sealed[int(number)] for number in line.split()[1:])
                if line.startswith("exit "):
                    self._status = int(line[5:])
        return self._status

    def broken(self) -> tuple[str, ...] | None:
        self._let_go()
        self.wait(END)
        return self._broken

    def _let_go(self) -> None:
        """Have the launcher end the job, and look at what it leaves."""
        if self._control >= 0:
            os.close(self._control)
            self._control = -1

    def kill(self) -> None:
        self._let_go()
        if self._init is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)
            _ends(self._init, END)
            os.close(self._init)
            self._init = None
        try:
            self._process.wait(END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.wait()

    def output(self) -> bytes:
        return self._output.read(ended=self._status is not None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._report < 0:
            return
        self.kill()
        self._output.close()
        os.close(self._report)
        self._report = -1
        self._drop_scratch()

    def _drop_scratch(self) -> None:
        if self._scratch is not None:
            drop(self._scratch)

    def _await_start(self) -> None:
        deadline = time.monotonic() + START
        while True:
            alive = self._read_report(max(0.0, deadline - time.monotonic()))
            lines = self._lines()
            if "ready" in lines:
                self._reported[:0] = "".join(f"{line}\n" for line in lines if line != "ready").encode()
                return
            if lines or not alive or self._status is not None:
                break
        raise EOFError(" ".join(lines).removeprefix("error ") or "no answer")

    def _failed(self, why: str) -> SandboxError:
        said = self._output.read(ended=True).decode(errors="replace").strip()
        return SandboxError(
            f"the job could not be started under {self.level} isolation: {said or why}; nothing was run",
            slug="sandbox-start",
        )

    def _read_report(self, timeout: float | None) -> bool:
        """Whether anything came within `timeout` seconds; an end without a word counts as killed."""
        if not select.select([self._report], [], [], timeout)[0]:
            return False
        data = os.read(self._report, 4096)
        if not data and self._status is None:
            self._status = -signal.SIGKILL
        self._reported += data
        return True

    def _lines(self) -> list[str]:
        *lines, rest = bytes(self._reported).split(b"\n")
        self._reported[:] = rest
        return [line.decode(errors="replace") for line in lines]


class _Tail:
    """The last bytes of a process's output, read by a thread so that a flood neither blocks nor fills anything."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._drain, name="sandbox-output", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while data := os.read(self._stream.fileno(), KEPT):
            with self._lock:
                self._kept += data
                del self._kept[:-KEPT]

    def read(self, *, ended: bool) -> bytes:
        if ended:
            self._thread.join(END)
        with self._lock:
            return bytes(self._kept)

    def close(self) -> None:
        self._thread.join(END)
        if not self._thread.is_alive():  # else someone outside holds the pipe: the thread keeps it
            self._stream.close()


def drop(folder: Path) -> None:
    """Delete a scratch folder, whatever permissions the job gave to what is in it, and however deep it is."""
    with contextlib.suppress(OSError):
        folder.chmod(stat.S_IRWXU)
        while entries := list(os.scandir(folder)):
            for entry in entries:
                _flatten(folder, entry)
        folder.rmdir()


def _flatten(folder: Path, entry: os.DirEntry[str]) -> None:
    """Delete an entry of `folder`; the folders in it move up, so that no path grows longer than the system allows."""
    if not entry.is_dir(follow_symlinks=False):
        Path(entry.path).unlink()
        return
    Path(entry.path).chmod(stat.S_IRWXU)
    for inner in list(os.scandir(entry.path)):
        if inner.is_dir(follow_symlinks=False):
            Path(inner.path).chmod(stat.S_IRWXU)  # else it cannot be moved
            Path(inner.path).rename(folder / secrets.token_hex(16))
        else:
            Path(inner.path).unlink()
    Path(entry.path).rmdir()


def _ends(pidfd: int, timeout: float) -> bool:
    return bool(select.select([pidfd], [], [], timeout)[0])
