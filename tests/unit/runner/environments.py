"""Environments, as far as they are looked at: no interpreter in them can run."""

from __future__ import annotations

import sys
from pathlib import Path

from reknit.runner.environments import Interpreter
from reknit.runner.exposure import opened

BASE = Path(sys.executable).resolve()


def environment(
    folder: Path, *, version: str = "3.12.1", pytest: str | None = "8.3.4", home: Path | None = None
) -> Path:
    """A virtual environment; its interpreter, which is a link to ours."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {home or BASE.parent}\nversion = {version}\n")
    (folder / "bin" / "python").symlink_to(BASE)
    installed(folder / "lib" / f"python{'.'.join(version.split('.')[:2])}" / "site-packages", pytest)
    return folder / "bin" / "python"


def conda(folder: Path, *, version: str = "3.12.1", pytest: str | None = "8.3.4") -> Path:
    """An environment of conda's, which has no pyvenv.cfg."""
    (folder / "bin").mkdir(parents=True)
    (folder / "conda-meta").mkdir()
    (folder / "conda-meta" / f"python-{version}-h1_0_cpython.json").write_text("{}")
    (folder / "bin" / "python").symlink_to(BASE)
    installed(folder / "lib" / f"python{'.'.join(version.split('.')[:2])}" / "site-packages", pytest)
    return folder / "bin" / "python"


def python_in(folder: Path, name: str = "python3.12") -> Path:
    """What looks like an installation of Python; its program, to which `python3` beside it is a link."""
    program, library = folder / "bin" / name, folder / "lib" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    library.mkdir(parents=True)
    (library / "os.py").write_text("")
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    (program.parent / "python3").symlink_to(name)
    return program


def installed(site: Path, pytest: str | None) -> None:
    site.mkdir(parents=True)
    if pytest is not None:
        (site / f"pytest-{pytest}.dist-info").mkdir()


def shown(python: Path, root: Path, *, believed: bool = True, pythonpath: str = "") -> tuple[Path, ...]:
    return opened(Interpreter(python=python, origin="", believed=believed), root, pythonpath=pythonpath)


def besides(found: tuple[Path, ...]) -> set[Path]:
    """What is open besides our own interpreter, to which the environments lead."""
    return {p for p in found if not p.is_relative_to(BASE.parent.parent)}
