"""One set of options from flags, environment and files, each value with its origin.

A flag wins over `REKNIT_*`, that over the project's file, that over the user's, that over the default. The project's
file may be hostile: what it sets is taken where it is no looser than what would hold without it, or where the user has
trusted exactly this file (`reknit trust`). So no file of a repository can make reknit do more than it does without one.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reknit.config.files import ConfigFile, project_file, user_file
from reknit.config.options import Options
from reknit.config.schema import FIELDS, NAMES, RULES, USUAL, Deployment, Settings, nested
from reknit.config.toml import said, suggestion
from reknit.config.trust import Trust, trust_in
from reknit.errors import UsageError

_PREFIX = "REKNIT_"
#: Variables of ours that are no settings: they say where files lie, and which of a file's tables hold.
_OTHERS = ("REKNIT_CONFIG", "REKNIT_ENV", "REKNIT_STATE_DIR")
_SHOWN = 60
#: Settings whose variables hold words.
_WORDS = frozenset({"pytest_args", "variables", "irreversible_paths"})
_KNOWN = frozenset({*_OTHERS, *(_PREFIX + name.upper() for name in NAMES)})


class Layer(StrEnum):
    """Who sets a value, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    PROJECT = "project"
    USER = "user"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it comes from."""

    value: Any
    layer: Layer
    #: Such as "--max-time", "REKNIT_MAX_TIME" or "pyproject.toml [tool.reknit]".
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a run is asked to do, and who asked for it."""

    options: Options
    environment: Deployment
    #: Every setting by name.
    settings: Mapping[str, Setting]
    #: The files that were read.
    files: Mapping[Layer, ConfigFile]
    #: What the project's file asks for and did not get, and the like.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a project's file asks for in one environment."""

    setting: Setting
    name: str
    environment: Deployment
    #: What holds without the file.
    held: Setting
    #: Whether it may be taken from a file that nobody has trusted.
    tightens: bool


def load(root: Path, *, flags: Mapping[str, object], environ: Mapping[str, str], state: Path) -> Loaded:
    """The options of a run on the project at `root`; a flag that is None was not given.

    `flags["env"]` selects the environment. `state` is the project's own state folder, where trust is kept. `UsageError`
    names the file, the line and the key that cannot be used.
    """
    environment = _environment(flags, environ)
    ours = {**_environment_settings(environ), **_flag_settings(flags)}
    mine = users_file(root, environ)
    held = {**_defaults(environment), **_user_settings(mine, environment)}
    file, notes = project_file(root)
    theirs: dict[str, Setting] = {}
    left: tuple[str, ...] = ()
    if file is not None:
        trust = trust_in(file, state)
        offered = [a for a in _asked(file, held, environment) if a.name not in ours]
        theirs = {a.name: a.setting for a in offered if a.tightens or trust is Trust.PINNED}
        left = _not_taken([a for a in offered if a.name not in theirs], changed=trust is Trust.CHANGED)
    settings = {**held, **theirs, **ours}
    doubtful = (*notes, *_unknown_variables(environ))
    if doubtful and settings["strict_validation"].value:
        raise _strictly(doubtful, settings["strict_validation"])
    files = {Layer.USER: mine, Layer.PROJECT: file}
    return Loaded(
        options=_options(root, environ, settings),
        environment=environment,
        settings=settings,
        files={layer: found for layer, found in files.items() if found is not None},
        notes=(*notes, *left, *doubtful[len(notes) :]),
    )


def _options(root: Path, environ: Mapping[str, str], settings: Mapping[str, Setting]) -> Options:
    values = {FIELDS[name]: setting.value for name, setting in settings.items()}
    place = environ.get("REKNIT_STATE_DIR")
    return Options(project=root, state_dir=Path(place) if place else None, **values)


def _strictly(doubtful: Sequence[str], who: Setting) -> UsageError:
    message = f"{doubtful[0]}; with strict_validation ({who.origin}) that is an error, and nothing was run"
    return UsageError(message, slug="config-strict", hint="mend it, or set strict_validation to false")


def asked(root: Path, file: ConfigFile, environ: Mapping[str, str]) -> Iterator[Asked]:
    """All that the project's file asks for, in every environment, beside what holds for this user without it."""
    mine = users_file(root, environ)
    for environment in Deployment:
        yield from _asked(file, {**_defaults(environment), **_user_settings(mine, environment)}, environment)


def _asked(file: ConfigFile, held: Mapping[str, Setting], environment: Deployment) -> Iterator[Asked]:
    for name, (value, where) in file.values(environment).items():
        before = held[name].value
        yield Asked(
            setting=Setting(value, Layer.PROJECT, where),
            name=name,
            environment=environment,
            held=held[name],
            tightens=value == before or RULES[name].allows(value, before),
        )


def _environment(flags: Mapping[str, object], environ: Mapping[str, str]) -> Deployment:
    name = str(flags.get("env") or environ.get("REKNIT_ENV") or Deployment.DEVELOPMENT)
    if name not in set(Deployment):
        where = "--env" if flags.get("env") else "REKNIT_ENV"
        message = f"{where}: there is no environment {name}; nothing was run"
        raise UsageError(message, slug="config-value", hint=suggestion(name, Deployment))
    return Deployment(name)


def _defaults(environment: Deployment) -> dict[str, Setting]:
    """What holds where nobody says anything: the defaults of `Options`, and those of the environment over them."""
    options = Options(project=Path())
    usual = {name: Setting(getattr(options, FIELDS[name]), Layer.DEFAULT, "default") for name in NAMES}
    own = {n: Setting(v, Layer.DEFAULT, f"default in {environment}") for n, v in USUAL[environment].items()}
    return {**usual, **own}


def _flag_settings(flags: Mapping[str, object]) -> dict[str, Setting]:
    given = {n: v for n, v in flags.items() if n != "env" and v is not None and v != ()}
    if strange := given.keys() - set(NAMES):
        raise ValueError(f"these flags set nothing: {sorted(strange)}")
    return {name: Setting(value, Layer.FLAG, _flag(name)) for name, value in given.items()}


def _flag(name: str) -> str:
    return "arguments after --" if name == "pytest_args" else f"--{name.replace('_', '-')}"


def _environment_settings(environ: Mapping[str, str]) -> dict[str, Setting]:
    """Those of `REKNIT_*`; an empty variable is none."""
    given = {name: text for name in NAMES if (text := environ.get(_PREFIX + name.upper()))}
    raw = {name: _words(name, text) if name in _WORDS else text for name, text in given.items()}
    try:
        values = Settings.model_validate(nested(raw), strict=False).given()
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False)[0]
        name = next(str(part) for part in first["loc"] if part in NAMES)
        message = said([_PREFIX + name.upper()], first["msg"])
        raise UsageError(f"{message}; nothing was run", slug="config-value") from exc
    if "python" in values:
        values["python"] = Path(values["python"])
    return {name: Setting(value, Layer.ENVIRONMENT, _PREFIX + name.upper()) for name, value in values.items()}


def _words(name: str, text: str) -> list[str] | dict[str, str]:
    """Words as a shell reads them; for `variables`, each a NAME=VALUE."""
    variable = _PREFIX + name.upper()
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise UsageError(f"{variable} cannot be read: {exc}; nothing was run", slug="config-value") from exc
    if name != "variables":
        return words
    if any("=" not in word for word in words):
        message = f"{variable} should be words of the form NAME=VALUE; nothing was run"
        raise UsageError(message, slug="config-value")
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def users_file(root: Path, environ: Mapping[str, str]) -> ConfigFile | None:
    """The user's settings, from the file that `REKNIT_CONFIG` names, or the usual one."""
    named = environ.get("REKNIT_CONFIG")
    if named:
        path = Path(named)
    else:
        import platformdirs

        path = platformdirs.user_config_path("reknit") / "config.toml"
    return user_file(path, root, named=bool(named))


def _user_settings(file: ConfigFile | None, environment: Deployment) -> dict[str, Setting]:
    found = file.values(environment) if file else {}
    return {name: Setting(value, Layer.USER, where) for name, (value, where) in found.items()}


def shown(value: object) -> str:
    """A value as a person reads it, on one line."""
    if value is None:
        text = "unset"
    elif isinstance(value, Mapping):
        text = shlex.join(f"{name}={value[name]}" for name in value)
    elif isinstance(value, tuple):
        text = shlex.join(value)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("\n", "\\n")


def _not_taken(ignored: list[Asked], *, changed: bool) -> tuple[str, ...]:
    """One note on everything that the project's file asks for and that needs trust."""
    if not ignored:
        return ()
    what = ", ".join(f"{a.name} = {shown(a.setting.value):.{_SHOWN}} ({RULES[a.name].words})" for a in ignored)
    since = "it has changed since you trusted it" if changed else "a project's file may only tighten"
    file = ignored[0].setting.origin.partition(" ")[0]
    return (f"{file}: not taken, since {since}: {what}; `reknit trust` shows what it asks for, and takes it",)


def _unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Notes on variables that look like ours: what others set is no error, and a slip should be seen."""
    strange = sorted(name for name in environ if name.startswith(_PREFIX) and name not in _KNOWN)
    return tuple(f"{name} is no setting; {suggestion(name, _KNOWN)}" for name in strange)
