"""`reknit heal --watch` as a person uses it: save, look, save again, Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.machine import CALC, COMMAND, TESTS, Project, make

pytest.importorskip("watchfiles")
RIGHT = CALC.replace(b"value > high:\n        return low", b"value > high:\n        return high")


class Watching:
    """A process that watches, and what it has said on both streams."""

    def __init__(self, one: Project, *words: str) -> None:
        command = [*COMMAND, "heal", "--watch", "--jobs", "1", "--max-time", "60", *words]
        self.process = subprocess.Popen(
            command,
            cwd=one.root,
            env=one.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._seen = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            self._lines.extend(line.decode() for line in said)

    def until(self, text: str) -> str:
        """All that was said since the last call, once `text` is in it."""
        end = time.monotonic() + 90
        while time.monotonic() < end:
            for at in range(self._seen, len(self._lines)):
                if text in self._lines[at]:
                    said = "".join(self._lines[self._seen : at + 1])
                    self._seen = at + 1
                    return said
            time.sleep(0.05)
        pytest.fail(f"{text!r} did not come:\n{''.join(self._lines)}")

    def close(self) -> None:
        """End it, whatever it does; its run ends with it or soon after."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=60)

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit status after a signal, and the rest of what was said."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        return status, "".join(self._lines[self._seen :])


@pytest.fixture
def one(tmp_path: Path) -> Project:
    return make(tmp_path, {"calc.py": RIGHT, "tests/test_calc.py": TESTS})


@pytest.fixture
def watching(one: Project) -> Iterator[Watching]:
    watching = Watching(one)
    yield watching
    watching.close()


def test_a_session(one: Project, watching: Watching) -> None:
    """Healthy; a mistake is saved; the failure and the patch beside it; mended by hand; Ctrl-C."""
    assert "healthy: no test fails" in watching.until("-- waiting for a save")
    one.write({"calc.py": CALC})
    said = watching.until("-- waiting for a save")
    assert "-- saved: calc.py\n" in said
    assert "\nproposed  tests/test_calc.py::test_above\n  AssertionError: assert 0 == 10" in said
    assert "\n-        return low\n+        return high\n" in said
    assert one.read("calc.py") == CALC, "nothing is applied"
    for noise in (".venv/lib/a.py", "__pycache__/calc.pyc", "node_modules/m/x.py", ".git/index", "calc.py~"):
        one.write({noise: b"x"})
    time.sleep(0.5)
    one.write({"calc.py": RIGHT})
    said = watching.until("-- waiting for a save")
    assert said.startswith("-- saved: calc.py\n"), "noise starts nothing"
    assert "healthy: no test fails" in said
    one.write({"reknit.toml": b"nonsense = 1\n"})
    assert "nonsense" in watching.until("-- waiting for a save"), "what a save has broken, a save mends"
    status, rest = watching.end()
    assert (status, rest) == (130, "\nno longer watching\n")


def test_a_save_breaks_a_run_off(one: Project, watching: Watching) -> None:
    watching.until("-- waiting for a save")
    one.write({"calc.py": CALC})
    watching.until("propose: searching")
    one.write({"calc.py": RIGHT})
    said = watching.until("healthy: no test fails")
    assert "-- saved: calc.py\n" in said
    assert "interrupted; the project's files are as they were" in said
    assert "proposed" not in said


def test_a_signal_in_a_run_ends_both(one: Project, watching: Watching) -> None:
    watching.until("-- waiting for a save")
    one.write({"calc.py": CALC})
    watching.until("propose: searching")
    status, rest = watching.end(signal.SIGTERM)
    assert status == 130
    assert rest.endswith("\nno longer watching\n")
    assert "interrupted; the project's files are as they were" in rest, "the run was waited for"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--apply"], "--apply does not go with it"),
        (["--json"], "--json does not go with it"),
        (["--isolation", "magic"], "there is no isolation"),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_what_does_not_go_together(one: Project, words: list[str], says: str) -> None:
    done = one.run("heal", "--watch", *words)
    assert done.status == 2
    assert says in done.err
    assert "-- waiting" not in done.err
