"""A large repository costs no more than what its tests import."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scale import FIRST, MODULES, PER_PACKAGE, SIBLINGS, generate

#: Of so many packages; a project of so many files would be looked at whole.
PACKAGES, MOST = 40, 4 * PER_PACKAGE
HEAL = f"import reknit.footprint; reknit.footprint.MOST = {MOST}; from reknit.cli.main import run; run()"
#: Of the package under test, and of those that it imports from.
NEAR = {f"p{number:04}" for number in range(1, SIBLINGS + 2)}


@pytest.mark.needs_tool("git", "strace", "bwrap")
def test_of_packages_that_no_test_imports_no_file_is_touched(tmp_path: Path) -> None:
    """Seen by the kernel, over the whole of a heal and all its processes."""
    root = tmp_path / "repository"
    generate(root, PACKAGES * PER_PACKAGE, 10 * PACKAGES * PER_PACKAGE)
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    done = subprocess.run(
        [
            *("strace", "-f", "-qq", "-y", "-e", "trace=%file,getdents64", "-e", "signal=none", "-o", log),
            *(
                sys.executable,
                "-c",
                HEAL,
                "heal",
                "--jobs",
                "1",
                "--isolation",
                "bubblewrap",
                "--python",
                sys.executable,
            ),
            *("--", "-p", "no:cacheprovider", "pkgs/p0001/tests"),
        ],
        cwd=root,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, FIRST in done.stderr) == (3, True), done.stdout + done.stderr
    named = re.findall(rf"{re.escape(str(root))}/pkgs/(p\d+)([^\">]*)", log.read_text(errors="replace"))
    # Pytest itself asks each folder beside that of the tests whether it is a package or an environment.
    files = {package for package, rest in named if rest.endswith((".py", ".csv")) and "__init__" not in rest}
    assert files == NEAR
    # Listed until it is seen that there are too many to look at.
    folders = {package for package, rest in named if rest == "/tests"}
    assert len(folders - NEAR) <= MOST / MODULES
