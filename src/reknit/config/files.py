"""The files that hold settings: the user's, and the project's, which may be hostile."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reknit import bounded
from reknit.config.schema import TABLES, Deployment, FileSettings, Settings
from reknit.config.toml import check, line_of, parse
from reknit.errors import UsageError

_TABLE = ("tool", "reknit")
#: Bytes of a pyproject.toml that are searched for settings of ours.
_SEARCHED = 16 * 1024 * 1024
_OURS = re.compile(rb"""tool["'\s]*\.["'\s]*reknit\b|^\s*["']?reknit["']?\s*[.=]""", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A file of settings, as it was read once."""

    path: Path
    #: As people are told of it.
    name: str
    sha256: str
    text: str
    #: The table that our settings stand in.
    prefix: tuple[str, ...]
    settings: FileSettings

    def values(self, environment: Deployment) -> dict[str, tuple[Any, str]]:
        """Each setting in `environment` with the place that it stands in."""
        return {
            name: (_anchored(value, self.path.parent) if name == "python" else value, self._where(name, environment))
            for name, value in {**self.settings.given(), **self._special(environment).given()}.items()
        }

    def line(self, name: str, environment: Deployment) -> int | None:
        """The line, from 1, that sets what holds in `environment`; None where that cannot be told."""
        return line_of(self.text, (*self.prefix, *self._tables(name, environment), name))

    def _special(self, environment: Deployment) -> Settings:
        special: Settings = getattr(self.settings.env, environment)
        return special

    def _tables(self, name: str, environment: Deployment) -> tuple[str, ...]:
        own = ("env", str(environment)) if name in self._special(environment).given() else ()
        return (*own, TABLES[name]) if TABLES[name] else own

    def _where(self, name: str, environment: Deployment) -> str:
        tables = self._tables(name, environment)
        return f"{self.path.name} [{'.'.join((*self.prefix, *tables))}]" if tables else self.name


def project_file(root: Path) -> tuple[ConfigFile | None, tuple[str, ...]]:
    """The project's settings, if it has any, and notes on files that were not read.

    `UsageError` where they stand in two files, or cannot be used.
    """
    own, table = root / "reknit.toml", root / "pyproject.toml"
    there = [path for path in (own, table) if _is_there(path)]
    outside = [path for path in there if not _real(path).is_relative_to(_real(root))]
    notes = tuple(f"{p.name} is a link that leads out of the project; its settings were not read" for p in outside)
    kept = [p for p in there if p not in outside]
    files = [f for p in kept if (f := _own(p, root) if p == own else _table(p, root)) is not None]
    if len(files) > 1:
        message = "settings stand in both reknit.toml and pyproject.toml [tool.reknit]; nothing was run"
        raise UsageError(message, slug="config-two-files", hint="keep one of them")
    return next(iter(files), None), notes


def user_file(path: Path, root: Path, *, named: bool) -> ConfigFile | None:
    """The user's settings; None where there are none, unless the user `named` the file.

    `UsageError` where it cannot be used, or lies inside the project at `root`.
    """
    if not named and not _is_there(path):
        return None
    if _real(path).is_relative_to(_real(root)):
        message = f"the user's settings {path} lie inside the project, whose files may be hostile; nothing was run"
        hint = "name them reknit.toml and run `reknit trust`, or set REKNIT_CONFIG to a file outside"
        raise UsageError(message, slug="config-inside-project", hint=hint)
    return _config(path, str(path), _users(path), ())


def named_file(path: Path) -> ConfigFile | None:
    """The settings in a file that the user names; None of a pyproject.toml without any. `UsageError` as for the others."""
    content = _users(path, most=_SEARCHED)
    if path.name == "pyproject.toml":
        return _config(path, f"{path} [tool.reknit]", content, _TABLE) if _OURS.search(content) else None
    return _config(path, str(path), content, ())


def _own(path: Path, root: Path) -> ConfigFile | None:
    return _config(path, path.name, _read(path, root), ())


def _table(path: Path, root: Path) -> ConfigFile | None:
    content = _read(path, root, most=_SEARCHED)
    # Most have no settings of ours, and then their mistakes are not ours to find, nor is their length.
    if len(content) > bounded.SETTINGS and _OURS.search(content):
        raise _too_long(path)
    if len(content) > bounded.SETTINGS or b"reknit" not in content:
        return None
    return _config(path, f"{path.name} [tool.reknit]", content, _TABLE)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as exc:
        raise _unreadable(path, exc) from exc
    return True


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as exc:  # links in a circle
        raise _unreadable(path, exc) from exc


def _config(path: Path, name: str, content: bytes, prefix: tuple[str, ...]) -> ConfigFile | None:
    file = name.partition(" [")[0]
    text, table = parse(file, content)
    for part in prefix:
        if part not in table:
            return None
        inner = table[part]
        if not isinstance(inner, Mapping):
            message = f"{file}: {part} should be a table; nothing was run"
            raise UsageError(message, slug="config-value")
        table = dict(inner)
    settings = check(FileSettings, table, name=file, text=text, prefix=prefix)
    digest = hashlib.sha256(content).hexdigest()
    return ConfigFile(path=path, name=name, sha256=digest, text=text, prefix=prefix, settings=settings)


def _read(path: Path, root: Path, *, most: int = bounded.SETTINGS) -> bytes:
    """The content of a project's file; a link inside of the project is followed once, and nothing else."""
    try:
        return bounded.read(_real(path), most=most, below=_real(root))
    except (OSError, ValueError) as exc:
        raise _unreadable(path, exc) from exc


def _users(path: Path, most: int = bounded.SETTINGS) -> bytes:
    """The content of the user's own file, which may be a pipe."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as exc:
        raise _unreadable(path, exc) from exc
    if len(content) > most:
        raise _too_long(path)
    return content


def _too_long(path: Path) -> UsageError:
    return _unreadable(path, f"it has more than {bounded.SETTINGS // 1024} KiB")


def _unreadable(path: Path, why: str | Exception) -> UsageError:
    why = getattr(why, "strerror", None) or str(why)
    return UsageError(f"{path} cannot be read for settings: {why}; nothing was run", slug="config-unreadable")


def _anchored(python: str, folder: Path) -> Path:
    """A relative path counts from the folder of the file that says it; a name that is not there is one on PATH."""
    try:
        path = Path(python).expanduser()
    except RuntimeError:  # no such user
        path = Path(python)
    return folder / path if "/" in python or (folder / path).exists() else path
