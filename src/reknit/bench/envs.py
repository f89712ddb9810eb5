"""Environments of corpus cases: the pins they were verified with, and nothing in which the fix could be read."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from reknit.errors import CannotJudgeError

_FIND_SITE = "import sysconfig; print(sysconfig.get_paths()['purelib'])"


def env_key(pins: Sequence[str], *, python: str, own: Sequence[str]) -> str:
    """Folder name of an environment: cases with equal pins and equal own distributions share it."""
    text = json.dumps([sorted(pins), python, sorted(canonical(name) for name in own)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def canonical(name: str) -> str:
    """A distribution's name as PEP 503 compares it, without a version."""
    return re.sub(r"[-_.]+", "-", name.partition("==")[0].strip()).lower()


def make_env(folder: Path, pins: Sequence[str], *, base: Path, own: Sequence[str]) -> Path:
    """Install `pins` under `folder` and take out the modules of `own`; the interpreter's path.

    Needs the package index once; a folder that was not finished is made anew.
    """
    finished = folder / ".finished"
    if finished.exists():
        return interpreter(folder)
    shutil.rmtree(folder, ignore_errors=True)
    _run([str(base), "-m", "venv", "--without-pip", str(folder)])
    python = str(interpreter(folder))
    _run([str(base), "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-compile", *pins])
    site = Path(_run([python, "-c", _FIND_SITE]).strip())
    for name in own:
        strip_modules(site, name)
    finished.touch()
    return interpreter(folder)


def interpreter(folder: Path) -> Path:
    """Where an environment keeps its interpreter."""
    return folder / "bin" / "python"


def version(python: Path) -> str:
    """Such as "3.11"."""
    return _run([str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()


def strip_modules(site: Path, name: str) -> list[Path]:
    """Delete a distribution's modules from `site`, keeping its metadata; the files deleted.

    `…_version.py` stays: it is made by a build, so no commit has it, and the project may not import without it.
    """
    gone = []
    for info in site.glob("*.dist-info"):
        if canonical(info.name.removesuffix(".dist-info").rpartition("-")[0]) != canonical(name):
            continue
        for line in (info / "RECORD").read_text("utf-8").splitlines():
            path = site / line.rsplit(",", 2)[0].strip('"')
            if info not in path.parents and not path.name.endswith("_version.py") and path.is_file():
                path.unlink()
                gone.append(path)
    return gone


def _run(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotJudgeError(
            f"no environment was made: {' '.join(argv[:4])} … ended with {done.returncode}: {done.stderr[-500:]}",
            slug="bench-environment",
            hint="check the pins and that the package index can be reached",
        )
    return done.stdout
