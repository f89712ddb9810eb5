"""The examples of docs/library.md, one after the other, on a project with a mistake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.machine import CALC, TESTS, make

PAGE = Path(__file__).resolve().parents[2] / "docs" / "library.md"


def examples() -> str:
    found = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) >= 5
    return "\n\n".join(found)


def test_the_examples_run(tmp_path: Path) -> None:
    one = make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS}, XDG_STATE_HOME=str(tmp_path / "xdg"))
    done = subprocess.run(
        [sys.executable, "-c", examples()],
        cwd=one.root,
        env=one.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "tests/test_calc.py::test_above → proposed"
    assert "propose: searching a patch for tests/test_calc.py::test_above" in lines
    assert any(re.fullmatch(r"patch \w{16} is plausible, so unsafe to apply", line) for line in lines), done.stdout
    assert "written to calc.py" in lines
    assert lines[-1].startswith("no patch no such id was proposed here; nothing was done (no-patch); run ")
    assert one.read("calc.py") == CALC, "the last line of the page takes it back"


def test_the_examples_are_typed(tmp_path: Path) -> None:
    program = tmp_path / "examples.py"
    program.write_text(examples())
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", str(program)]
    env = {"MYPYPATH": str(PAGE.parents[1] / "src"), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
