"""Processes that tests start, on every interpreter found here: traced, limited, and otherwise as they were."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import reknit.probe
from reknit.probe.disk import Disk
from tests.conftest import PYTHONS, find_python

PROBE = Path(reknit.probe.__file__).parent

#: Loads the probe's package under its private name, follows children, runs the body in `argv[2]`, prints what it saw.
DRIVER = """
import importlib.util, json, os, subprocess, sys
probe, root, body = sys.argv[1:4]
spec = importlib.util.spec_from_file_location("_reknit_probe", probe + "/__init__.py", submodule_search_locations=[probe])
package = importlib.util.module_from_spec(spec)
sys.modules["_reknit_probe"] = package
from _reknit_probe.children import Lines, pass_on
lines = Lines([root], [os.path.join(root, "skipped")])
command = [sys.executable, os.path.join(root, "program.py")]
said = None
exec(body)
seen = {t: {os.path.relpath(p, root): sorted(n) for p, n in f.items()} for t, f in lines.tests().items()}
print(json.dumps({"seen": seen, "said": said}))
"""
PROGRAM = """\
import os
import sys


def done():
    sys.stdout.write("done")
    sys.stdout.flush()


if sys.argv[1:] == ["loop"]:
    while True:
        pass
done()
if sys.argv[1:] == ["die"]:
    os._exit(3)
"""
ALL = [1, 2, 5, 6, 7, 10, 13, 14]


def follow(version: str, folder: Path, body: str, **env: str) -> Any:
    python = find_python(version)
    if python is None:
        pytest.skip(f"needs python{version}")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "tmp").mkdir()
    kept = {"PATH": os.environ.get("PATH", os.defpath), "TMPDIR": str(folder / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [str(python), "-c", DRIVER, str(PROBE), str(folder.resolve()), body]
    done = subprocess.run(argv, env={**kept, **env}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("version", PYTHONS)
def test_lines_belong_to_the_test_that_runs(version: str, tmp_path: Path) -> None:
    body = """
lines.switch("a")
subprocess.run(command, stdout=-3)
lines.switch(None)
lines.switch("b")
subprocess.run([*command, "die"], stdout=-3)
lines.switch("c")
"""
    found = follow(version, tmp_path, body)["seen"]
    assert found == {"a": {"program.py": ALL}, "b": {"program.py": [*ALL, 15]}}


def test_every_way_to_start_one(tmp_path: Path) -> None:
    """With an environment made by hand, by the shell, by a child; not where it is told to look at no environment."""
    body = """
lines.switch("hand")
said = subprocess.run(command, env={"PYTHONPATH": "/nowhere"}, stdout=-1).stdout.decode()
lines.switch("shell")
os.system(" ".join(command) + " > /dev/null")
lines.switch("grandchild")
subprocess.run([sys.executable, "-c", "import os, sys; os.execv(sys.executable, sys.argv[1:])", *command], stdout=-3)
lines.switch("apart")
subprocess.run([command[0], "-I", command[1]], stdout=-3)
"""
    found = follow("3.11", tmp_path, body)
    assert found == {"seen": {n: {"program.py": ALL} for n in ("hand", "shell", "grandchild")}, "said": "done"}


def test_the_projects_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import sys\nsys.mine = [p for p in sys.path if 'probe' in p]\n")
    body = """
lines.switch("a")
show = "import sys, sitecustomize; print(sys.mine, sitecustomize.__file__)"
said = subprocess.run([sys.executable, "-c", show], stdout=-1).stdout.decode()
"""
    found = follow("3.11", tmp_path, body, PYTHONPATH=str(tmp_path / "own"))
    assert found["said"] == f"[] {tmp_path / 'own' / 'sitecustomize.py'}\n"
    assert found["seen"] == {"a": {"own/sitecustomize.py": [1, 2]}}


def test_a_process_that_does_not_end_is_ended(tmp_path: Path) -> None:
    body = """
pass_on(cpu=0.2)
said = subprocess.run([*command, "loop"], stdout=-3).returncode
"""
    assert follow("3.11", tmp_path, body)["said"] == -27  # SIGPROF


def test_a_file_on_disk_and_back(tmp_path: Path) -> None:
    """Each content has a second of its own, or bytecode of the one before would be taken for it."""
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    before, disk, times = path.stat(), Disk(), set()
    for content in (b"new", b"two"):
        with disk.holding({str(path): content}):
            assert path.read_bytes() == content
            times.add(int(path.stat().st_mtime))
        assert (path.read_bytes(), path.stat().st_mtime_ns) == (b"old", before.st_mtime_ns)
    assert len({int(before.st_mtime), *times}) == 3
    with pytest.raises(OSError, match="gone"), disk.holding({str(path): b"new", str(tmp_path / "gone"): b""}):
        pass
    assert path.read_bytes() == b"old"
