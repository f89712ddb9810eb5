"""A suite run as its authors run it: plain pytest in the project's interpreter, with no part of the engine.

For material only, before there is anything to heal: it runs unchanged public code, or one token of it changed,
with the user's own rights.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Written by a plug-in of its own, as node ids may contain anything that a summary line is cut at.
_PLUGIN = """
import os

def pytest_runtest_logreport(report):
    if report.failed:
        with open(os.environ["REKNIT_BENCH_FAILED"], "a", encoding="utf-8") as file:
            file.write(report.nodeid.replace("\\n", " ") + "\\0")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRun:
    """How a suite ended."""

    #: Pytest's exit code; None: it took too long and was killed.
    code: int | None
    #: Node ids of tests that failed or erred.
    failed: frozenset[str]
    output: str

    @property
    def green(self) -> bool:
        """All collected tests pass, and there are some."""
        return self.code == 0

    def said(self) -> str:
        """The last of what it wrote, in a line."""
        return "took too long" if self.code is None else " / ".join(self.output.strip().splitlines()[-3:])


def run_plain(
    project: Path, python: Path, arguments: Sequence[str], *, src_root: str, seconds: float, first_only: bool = False
) -> PlainRun:
    """Run the suite of `project` with `src_root` on PYTHONPATH, for `seconds` of wall clock at most."""
    with tempfile.TemporaryDirectory(prefix="reknit-bench-") as temporary:
        plugin, failed = Path(temporary) / "reknit_bench_failed.py", Path(temporary) / "failed"
        plugin.write_text(_PLUGIN, "utf-8")
        home = Path(temporary) / "home"
        home.mkdir()
        argv = [str(python), "-m", "pytest", "-p", plugin.stem, *(["-x"] if first_only else []), *arguments]
        env = {
            "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join([str(project / src_root), temporary]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "REKNIT_BENCH_FAILED": str(failed),
        }
        code, output = _run(argv, project, env, seconds)
        names = failed.read_text("utf-8").split("\0")[:-1] if failed.exists() else []
    return PlainRun(code=code, failed=frozenset(names), output=output)


def _run(argv: Sequence[str], cwd: Path, env: dict[str, str], seconds: float) -> tuple[int | None, str]:
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            output = process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None, ""
    return process.returncode, output.decode("utf-8", "replace")
