"""What `reknit config` does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from reknit.cli import results
from reknit.cli.arguments import state_base
from reknit.cli.settings import settled
from reknit.cli.text import printable
from reknit.config import find_root
from reknit.config.load import Layer, Loaded
from reknit.config.mistakes import mistakes, mistakes_of
from reknit.config.schema import TABLES, Deployment
from reknit.errors import UsageError
from reknit.model.document import Problem
from reknit.redaction import REDACTED, looks_secret
from reknit.store.place import project_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A setting, and who set it."""

    name: str
    #: The table of a file that it stands in, "" outside of any.
    table: str
    #: null: nobody has set it, and it is found, or has no bound. A variable that looks like a secret is redacted.
    value: bool | int | float | str | tuple[str, ...] | Mapping[str, str] | None
    layer: Layer
    #: Such as "--max-time", "REKNIT_MAX_TIME" or "pyproject.toml [tool.reknit]".
    origin: str
    #: Of a file, from 1; null where it cannot be told.
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigShowResult:
    """Of `config show`."""

    environment: Deployment
    settings: tuple[Shown, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigCheckResult:
    """Of `config check`."""

    #: As an error of a run would say them.
    mistakes: tuple[Problem, ...]
    #: What a run would note.
    notes: tuple[str, ...]


def show_verb(project: Path, env: str | None, *, origin: bool, as_json: bool = False) -> int:
    """Show every setting."""
    loaded = settled(project, {"env": env}, state_base())
    shown = tuple(_shown(loaded, name) for name in loaded.settings)
    if as_json:
        result = ConfigShowResult(environment=loaded.environment, settings=shown, notes=loaded.notes)
        return results.emit("config show", result)
    print(f"# {loaded.environment}")
    for table, group in groupby(shown, key=lambda one: one.table):
        if table:
            print(f"\n[{table}]")
        for one in group:
            line = f"{one.name} = {_toml(one.value)}" if one.value is not None else f"# {one.name} is not set"
            print(printable(f"{line}  # {_told(one)}" if origin else line))
    return 0


def check_verb(project: Path, file: Path | None, env: str | None, *, as_json: bool = False) -> int:
    """Say what is wrong; exit status 2 if anything is."""
    notes: tuple[str, ...] = ()
    if file is not None:
        found = mistakes_of(file)
    else:
        root = find_root(project)
        state = project_state(root, state_base())
        found, notes = mistakes(root, flags={"env": env}, environ=os.environ, state=state)
    status = UsageError.exit_code if found else 0
    for note in notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    if as_json:
        return results.emit("config check", ConfigCheckResult(mistakes=_problems(found), notes=notes), status)
    for one in found:
        print(printable(one.message.removesuffix("; nothing was run")))
        if one.hint:
            print(f"  try: {printable(one.hint)}")
    if not found:
        print("nothing is wrong", file=sys.stderr)
    return status


def _problems(found: Iterable[UsageError]) -> tuple[Problem, ...]:
    return tuple(Problem(slug=e.slug, message=e.message, hint=e.hint, exit_code=e.exit_code) for e in found)


def _shown(loaded: Loaded, name: str) -> Shown:
    setting = loaded.settings[name]
    file = loaded.files.get(setting.layer)
    value: Any = setting.value
    if isinstance(value, Mapping):
        value = {key: REDACTED if looks_secret(key) else text for key, text in value.items()}
    return Shown(
        name=name,
        table=TABLES[name],
        value=str(value) if isinstance(value, Path) else value,
        layer=setting.layer,
        origin=setting.origin,
        line=file.line(name, loaded.environment) if file else None,
    )


def _told(one: Shown) -> str:
    return f"{one.origin}, line {one.line}" if one.line else one.origin


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(text)}" for key, text in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value)
