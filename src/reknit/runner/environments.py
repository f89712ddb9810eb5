"""A Python environment, as far as it can be known without running anything of it."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reknit import bounded

#: The oldest that can run the probe, and the oldest pytest whose every result was seen to be the same as the newest's.
OLDEST_PYTHON = (3, 9)
OLDEST_PYTEST = (4, 6)

#: As many digits as a version has: Python makes no number of thousands.
_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
_CONDA_PYTHON = re.compile(r"python-(\d+\.\d+\.\d+)-.*\.json")
_PYTEST = re.compile(r"pytest-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")


class Kind(enum.StrEnum):
    """Who made an environment, which says how it is mended."""

    PLAIN = "venv"
    UV = "uv"
    POETRY = "poetry"
    PDM = "pdm"
    HATCH = "hatch"
    PIPENV = "pipenv"
    TOX = "tox"
    NOX = "nox"
    CONDA = "conda"
    PIXI = "pixi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder that may hold an environment."""

    folder: Path
    #: How it was come upon, in words: ".tox/py312", "active environment".
    origin: str
    kind: Kind = Kind.PLAIN
    #: One of several, each for a purpose of its own: without pytest it was not made to run the tests.
    special: bool = False
    #: Only a name in a file of the project led here.
    by_name: bool = False

    def __post_init__(self) -> None:
        # It may hold the name of a folder, which may be made to look like lines of ours.
        object.__setattr__(self, "origin", bounded.escaped(self.origin))


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment that is there, sound or not."""

    place: Place
    python: Path
    #: Empty where nothing says it.
    version: tuple[int, ...]
    #: pytest's version, "" where that is unknown; None: it has none.
    pytest: str | None
    #: Why its interpreter cannot start; None where nothing speaks against it.
    broken: str | None

    @property
    def unfit(self) -> str | None:
        """Why it cannot run the tests, in words that go with "it"; None where it looks as if it could."""
        if self.broken is not None:
            return self.broken
        if self.too_old:
            return f"is Python {dotted(self.version)}, older than {dotted(OLDEST_PYTHON)}"
        if self.pytest is None:
            return "has no pytest"
        if too_old(self.pytest, OLDEST_PYTEST):
            return f"has pytest {self.pytest}, older than {dotted(OLDEST_PYTEST)}"
        return None

    @property
    def too_old(self) -> bool:
        """Whether its Python is older than any that can be used."""
        return bool(self.version) and self.version < OLDEST_PYTHON


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """An environment that was found and not taken."""

    origin: str
    path: Path
    #: Words that go with "it": "has no pytest".
    why: str

    def __str__(self) -> str:
        return bounded.escaped(f"{self.origin} ({self.path}) {self.why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """The interpreter that runs the tests, and how it was found."""

    python: Path
    #: In words: "active environment", ".tox/py312".
    origin: str
    kind: Kind = Kind.PLAIN
    #: What came before it in the order and could not be used.
    passed_over: tuple[PassedOver, ...] = ()
    #: Whether what it has installed as editable may lie anywhere: not where the project alone chose it.
    believed: bool = True
    #: It is the one that runs reknit.
    own: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person would want to know of the choice: nothing where it was the project's first."""
        if not self.passed_over:
            where = f"the tests run with {self.origin} ({self.python}): what it lacks, --python of another may have"
            return (where,) if self.own else ()
        passed = "; ".join(str(p) for p in self.passed_over)
        return (f"the tests run with {bounded.escaped(f'{self.origin} ({self.python})')}; passed over: {passed}",)


def look(place: Place) -> Environment | None:
    """The environment in a folder; None where there is none."""
    folder = place.folder
    try:
        config = folder / "pyvenv.cfg"
        values = settings(config) if config.is_file() else {}
        if not values and not (folder / "conda-meta").is_dir():
            return None
        python = next((p for n in ("python", "python3") if os.path.lexists(p := folder / "bin" / n)), None)
        version = _version(folder, values)
        return Environment(
            place=place,
            python=python or folder / "bin" / "python",
            version=version,
            pytest=_pytest(folder, values),
            broken=_broken(python, values),
        )
    except OSError:  # closed to us, and so to the tests
        return None


def settings(config: Path) -> dict[str, str]:
    """What a `pyvenv.cfg` says, keys in lower case."""
    pairs = (line.partition("=") for line in (bounded.text(config, below=config.parent) or "").splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def _broken(python: Path | None, values: dict[str, str]) -> str | None:
    if python is None:
        return "has no interpreter in bin"
    home = values.get("home")
    if python.is_symlink() and not python.exists():
        return f"is broken: its interpreter leads to {bounded.escaped(str(python.readlink()))}, which is gone"
    if home and not Path(home).is_dir():
        return f"is broken: it was made with the Python in {bounded.escaped(home)}, which is gone"
    return None if os.access(python, os.X_OK) else "is broken: its interpreter cannot be run"


def _version(folder: Path, values: dict[str, str]) -> tuple[int, ...]:
    said = _VERSION.match(values.get("version_info") or values.get("version") or "")
    if said is None and (folder / "conda-meta").is_dir():
        names = (_CONDA_PYTHON.fullmatch(p.name) for p in (folder / "conda-meta").glob("python-*.json"))
        said = next((_VERSION.match(n[1]) for n in names if n), None)
    if said is None:
        said = next((_VERSION.search(p.name) for p in sorted((folder / "lib").glob("python?.*"))), None)
    return tuple(int(n) for n in said.groups() if n) if said else ()


def sites(folder: Path, values: dict[str, str]) -> Iterator[Path]:
    """Where its packages lie, those of its base included if it says so."""
    yield from (folder / "lib").glob("python*/site-packages")
    if values.get("include-system-site-packages", "").lower() == "true" and values.get("home"):
        version = ".".join(str(n) for n in _version(folder, values)[:2])
        base = Path(values["home"]).parent
        yield base / "lib" / f"python{version}" / "site-packages"
        yield base / "lib" / "python3" / "dist-packages"
        yield base / "local" / "lib" / f"python{version}" / "dist-packages"


def _pytest(folder: Path, values: dict[str, str]) -> str | None:
    found = None
    for site in sites(folder, values):
        for entry in site.glob("pytest-*"):
            if named := _PYTEST.fullmatch(entry.name):
                return named[1]
        if (site / "_pytest").is_dir() or any(site.glob("__editable__*pytest-*")):
            found = ""
    return found


def too_old(version: str, oldest: tuple[int, ...]) -> bool:
    """Whether a version is older; one that cannot be read is not."""
    read = _VERSION.match(version)
    return read is not None and tuple(int(n) for n in read.groups() if n) < oldest


def dotted(version: tuple[int, ...]) -> str:
    """(3, 12) as 3.12."""
    return ".".join(str(n) for n in version)
