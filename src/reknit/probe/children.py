"""Python processes that the tests start: what they run counts as run by the test, and none runs for ever.

They inherit PYTHONPATH with a `sitecustomize` of ours in front, which does what one more variable says. Neither reaches
a Python that is told to ignore its environment (-E, -I) or to do without `site` (-S).
"""

from __future__ import annotations

import marshal
import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

VARIABLE = "REKNIT_CHILD"
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inherit")
#: A format of marshal that every Python 3 reads.
_FORMAT = 2

_told: dict[str, Any] = {}


def pass_on(**told: Any) -> None:
    """Tell every Python that is started from now on, on top of what was told before.

    cpu     seconds of CPU time after which it dies
    remap   the project's own folder and its copy (`remap.py`)
    lines   a file for the lines that it runs of `roots` without `excluded`
    """
    if not _told:
        _follow_environments()
    _told.update(told)
    os.environ.update(_with_ours(os.environ))


def _with_ours(env: Mapping[str, str]) -> dict[str, str]:
    places = [p for p in env.get("PYTHONPATH", "").split(os.pathsep) if p and p != _FOLDER]
    said = marshal.dumps(_told, _FORMAT).hex()
    return {**env, VARIABLE: said, "PYTHONPATH": os.pathsep.join([_FOLDER, *places])}


def _follow_environments() -> None:
    """Reach processes too that are given an environment made by hand."""
    original: Any = subprocess.Popen._execute_child  # type: ignore[attr-defined]

    def execute(self: Any, *arguments: Any) -> None:
        # args, executable, preexec_fn, close_fds, pass_fds, cwd, env, …
        before, env, after = arguments[:6], arguments[6], arguments[7:]
        original(self, *before, env if env is None else _with_ours(env), *after)

    subprocess.Popen._execute_child = execute  # type: ignore[attr-defined]


class Lines:
    """What the processes have run, and in which test: who writes first is told by when it was read."""

    def __init__(self, roots: list[str], excluded: list[str]) -> None:
        self._path = os.path.join(tempfile.gettempdir(), f"lines-{os.getpid()}")
        self._read = 0
        self._now = ""
        #: Test → path → lines.
        self._tests: dict[str, dict[str, set[int]]] = {}
        pass_on(lines=self._path, roots=roots, excluded=excluded)

    def switch(self, test: str | None) -> None:
        """What was written until now belongs to the test before."""
        self._take()
        self._now = test or ""

    def _take(self) -> None:
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        found = self._tests.setdefault(self._now, {}) if whole else {}
        for record in whole.splitlines():
            line, _, path = record.partition(b" ")
            if line.isdigit() and path:
                found.setdefault(os.fsdecode(path), set()).add(int(line))

    def tests(self) -> dict[str, dict[str, set[int]]]:
        """Test → absolute path → lines; only tests with a process that ran any."""
        self._take()
        return self._tests
