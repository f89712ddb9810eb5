"""Where each manager of environments puts those of a project: computed from its rules, nothing of it is run.

The rules were read in the managers' own sources: poetry (`EnvManager.generate_env_name`), pdm (`venv/utils.py`),
hatch (`env/virtual.py`), pipenv (`project.py`), conda (`environments.txt`). All but conda put a hash of the project's
path into the name of an environment's folder, so nothing that a repository brings along can choose among the user's.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reknit import bounded
from reknit.runner.environments import Kind, Place, settings

#: Folders in a project; conda environments too may lie there.
_IN_PROJECT = (".venv", "venv", "env")
_CONDA_NAME = re.compile(r"""^name:\s*(['"]?)([\w.-]+)\1\s*(?:#.*)?$""", re.MULTILINE)
_CONDA_ROOTS = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".conda", "opt/miniconda3")
#: Made by tox and nox for themselves.
_NO_TESTS = re.compile(r"\..*|.*-build")
#: Who makes a `.venv` beside such a file, and environments below such a folder.
_LOCKS = {"poetry.lock": Kind.POETRY, "pdm.lock": Kind.PDM, "Pipfile": Kind.PIPENV, "uv.lock": Kind.UV}
_FOLDERS = {
    ".tox": Kind.TOX,
    ".nox": Kind.NOX,
    ".pixi": Kind.PIXI,
    ".hatch": Kind.HATCH,
    "hatch": Kind.HATCH,
    "pypoetry": Kind.POETRY,
    "pdm": Kind.PDM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a file of the project says about where its environment is: any path may stand there, so it is only told."""

    file: Path
    #: None: what stands there is no path.
    target: Path | None


#: What belongs together: of several environments of one manager the one with pytest and the newest Python is meant.
Group = list[Place]


def of_the_user(environ: Mapping[str, str], folders: tuple[Path, ...]) -> Iterator[Group]:
    """The environments that the user's own variables name; `folders` are the project's and those above."""
    if environ.get("VIRTUAL_ENV"):
        yield [recognised(Place(folder=Path(environ["VIRTUAL_ENV"]), origin="active environment"))]
    if environ.get("CONDA_PREFIX") and not conda_base(environ):
        yield [Place(folder=Path(environ["CONDA_PREFIX"]), origin="active conda environment", kind=Kind.CONDA)]
    if chosen := environ.get("UV_PROJECT_ENVIRONMENT"):
        for folder in folders:
            yield [Place(folder=folder / chosen, origin="UV_PROJECT_ENVIRONMENT", kind=Kind.UV)]


def conda_base(environ: Mapping[str, str]) -> Place | None:
    """Conda's base environment, if it is active, as it is in most shells of those who have conda."""
    prefix = environ.get("CONDA_PREFIX")
    if not prefix or (environ.get("CONDA_DEFAULT_ENV") != "base" and not (Path(prefix) / "condabin").is_dir()):
        return None
    return Place(folder=Path(prefix), origin="conda's base environment", kind=Kind.CONDA)


def of_the_project(folder: Path, shown: str, environ: Mapping[str, str]) -> Iterator[Group]:
    """The environments of a project in `folder`, which is written as `shown`, in the order in which they are meant."""
    for name in _IN_PROJECT:
        yield [recognised(Place(folder=folder / name, origin=shown + name))]
    home = Path(environ["HOME"]) if environ.get("HOME") else None
    if home is not None:
        yield _poetry(folder, home, environ)
        yield _pdm(folder, home, environ)
        yield _hatch(folder, shown, home, environ)
        yield _pipenv(folder, home, environ)
    yield _several(folder / ".tox", shown + ".tox", Kind.TOX)
    yield _several(folder / ".nox", shown + ".nox", Kind.NOX)
    yield _several(folder / ".pixi" / "envs", shown + ".pixi/envs", Kind.PIXI)
    if home is not None:
        yield _conda(folder, home, environ)


def recognised(place: Place) -> Place:
    """The place with the manager that has made what is there, by its own marks and where it lies."""
    folder = place.folder
    beside = (kind for file, kind in _LOCKS.items() if folder.name == ".venv" and (folder.parent / file).is_file())
    above = (kind for name, kind in _FOLDERS.items() if name in folder.parts[:-1])
    return replace(place, kind=next(above, None) or next(beside, None) or _by_marks(folder))


def _by_marks(folder: Path) -> Kind:
    config = folder / "pyvenv.cfg"
    try:
        if config.is_file():
            return Kind.UV if "uv" in settings(config) else Kind.PLAIN
        return Kind.CONDA if (folder / "conda-meta").is_dir() else Kind.PLAIN
    except OSError:
        return Kind.PLAIN


def _several(folder: Path, origin: str, kind: Kind) -> Group:
    return [Place(folder=p, origin=f"{origin}/{p.name}", kind=kind, special=True) for p in _inside(folder)]


def _inside(folder: Path, pattern: str = "*") -> list[Path]:
    try:
        return sorted(p for p in folder.glob(pattern) if not _NO_TESTS.fullmatch(p.name))
    except (OSError, ValueError):  # closed to us; a zero byte
        return []


def _hash(text: str, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, text.encode("utf-8", "surrogateescape"), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode()[:8]


def _poetry(folder: Path, home: Path, environ: Mapping[str, str]) -> Group:
    config = _toml(Path(environ.get("POETRY_CONFIG_DIR") or _config(home, environ) / "pypoetry") / "config.toml")
    cache = environ.get("POETRY_CACHE_DIR") or config.get("cache-dir") or str(_cache(home, environ) / "pypoetry")
    path = environ.get("POETRY_VIRTUALENVS_PATH") or _table(config, "virtualenvs").get("path")
    place = Path(str(path or "{cache-dir}/virtualenvs").replace("{cache-dir}", str(cache))).expanduser()
    found = _inside(place, f"*-{_hash(str(folder))}-py*")
    activated = _table(_toml(place / "envs.toml"), next((p.name.rpartition("-py")[0] for p in found), "")).get("minor")
    found = [p for p in found if p.name.endswith(f"-py{activated}")] or found
    return [Place(folder=p, origin=f"poetry's {p.name}", kind=Kind.POETRY) for p in found]


def _pdm(folder: Path, home: Path, environ: Mapping[str, str]) -> Group:
    config = _toml(Path(environ.get("PDM_CONFIG_FILE") or _config(home, environ) / "pdm" / "config.toml"))
    place = Path(str(_table(config, "venv").get("location") or _data(home, environ) / "pdm" / "venvs"))
    found = _inside(place.expanduser(), f"*-{_hash(folder.as_posix(), 'md5')}-*")
    return [Place(folder=p, origin=f"pdm's {p.name}", kind=Kind.PDM) for p in found]


def _hatch(folder: Path, shown: str, home: Path, environ: Mapping[str, str]) -> Group:
    place = Path(environ.get("HATCH_DATA_DIR") or _data(home, environ) / "hatch") / "env" / "virtual"
    found = _inside(place, f"*/{_hash(str(folder))}/*")
    own = [Place(folder=p, origin=f"hatch's {p.name}", kind=Kind.HATCH, special=True) for p in found]
    return [*own, *_several(folder / ".hatch", shown + ".hatch", Kind.HATCH)]


def _pipenv(folder: Path, home: Path, environ: Mapping[str, str]) -> Group:
    place = Path(environ.get("WORKON_HOME") or _data(home, environ) / "virtualenvs").expanduser()
    # The first six bytes of the hash are the first eight letters.
    found = _inside(place, f"*-{_hash(str(folder / environ.get('PIPENV_PIPFILE', 'Pipfile')))}*")
    return [Place(folder=p, origin=f"pipenv's {p.name}", kind=Kind.PIPENV) for p in found]


def _conda(folder: Path, home: Path, environ: Mapping[str, str]) -> Group:
    """The user's environment with the name that the project's `environment.yml` gives."""
    name = None
    for file in (folder / "environment.yml", folder / "environment.yaml"):
        found = _CONDA_NAME.search(bounded.text(file, below=folder) or "")
        name = name or (found and found[2])
    if not name or name.strip(".") == "" or name == "base":
        return []
    listed = [
        Path(line) for line in (bounded.text(home / ".conda" / "environments.txt", below=None) or "").splitlines()
    ]
    roots = [Path(p) for p in environ.get("CONDA_ENVS_PATH", "").split(os.pathsep) if p]
    bases = [home / r for r in _CONDA_ROOTS]
    bases += [Path(environ[v]) for v in ("MAMBA_ROOT_PREFIX", "CONDA_ROOT") if environ.get(v)]
    bases += [Path(environ["CONDA_EXE"]).parent.parent] if environ.get("CONDA_EXE") else []
    places = [*(p for p in listed if p.name == name), *(r / name for r in roots), *(b / "envs" / name for b in bases)]
    origin = f"conda's {name}, which environment.yml names"
    return [Place(folder=p, origin=origin, kind=Kind.CONDA, by_name=True) for p in dict.fromkeys(places)]


def named_by(folder: Path) -> Iterator[Named]:
    """What files of the project in `folder` say about where its environment is."""
    for file in (folder / ".pdm-python", folder / ".venv"):
        if file.is_symlink() or file.is_file():
            said = bounded.line(file, below=folder)
            if said is None and file.is_dir():
                continue  # an environment behind a link
            yield Named(file=file, target=folder / said if said and "/" in said else None)
    path = _table(_toml(folder / "poetry.toml", below=folder), "virtualenvs").get("path")
    if isinstance(path, str) and path and "{cache-dir}" not in path:
        found = _inside(folder / path, f"*-{_hash(str(folder))}-py*")
        yield from (Named(file=folder / "poetry.toml", target=p) for p in found)


def _toml(file: Path, below: Path | None = None) -> dict[str, Any]:
    try:
        return tomllib.loads(bounded.text(file, below=below) or "")
    except (ValueError, RecursionError):
        return {}


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _cache(home: Path, environ: Mapping[str, str]) -> Path:
    mac = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return Path(environ.get("XDG_CACHE_HOME") or mac)


def _data(home: Path, environ: Mapping[str, str]) -> Path:
    mac = home / "Library" / "Application Support" if sys.platform == "darwin" else home / ".local" / "share"
    return Path(environ.get("XDG_DATA_HOME") or mac)


def _config(home: Path, environ: Mapping[str, str]) -> Path:
    mac = home / "Library" / "Application Support" if sys.platform == "darwin" else home / ".config"
    return Path(environ.get("XDG_CONFIG_HOME") or mac)
