"""The settings: their types and bounds, and what a project's own file may do to each without the user's trust."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reknit.config.options import LIMITS, LIMITS_FROM_ZERO, usual_jobs

#: As `sandbox.base.Level`, strongest first; a test compares them.
ISOLATION = ("bubblewrap", "landlock", "seatbelt", "none")
#: What is found where nothing is asked for is at most this; where it is less, to ask for this is an error.
_STRONGEST = "seatbelt" if sys.platform == "darwin" else "bubblewrap"
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Deployment(StrEnum):
    """Where reknit runs, for which a file may have settings of its own."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which values a project's own file may set: in words, and as a judgement of one beside what holds without it."""

    words: str
    allows: Callable[[Any, Any], bool]


def _at_least_as_strong(new: str, held: str | None) -> bool:
    return ISOLATION.index(new) <= ISOLATION.index(held or _STRONGEST)


LOWER = Rule("only lower", lambda new, held: held is None or new <= held)
#: What the usual fuel comes to is known only when the tests have run.
LOWER_THAN_YOURS = Rule("only lower than a number that you set", lambda new, held: held is not None and new <= held)
FEWER = Rule("only fewer", lambda new, held: new <= (held or usual_jobs()))
STRONGER = Rule("only stronger", _at_least_as_strong)
ONLY_FALSE = Rule("only `false`", lambda new, _held: new is False)
ONLY_TRUE = Rule("only `true`", lambda new, _held: new is True)
MORE = Rule("only more", lambda new, held: set(new) >= set(held or ()))
FREELY = Rule("yes", lambda _new, _held: True)
TRUSTED = Rule("after `reknit trust`", lambda _new, _held: False)


def _without_zero(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold a zero byte")
    return text


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("is no name of an environment variable")
    return name


Text = Annotated[str, AfterValidator(_without_zero)]


class _Table(BaseModel):
    """A table of a file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Debugging(_Table):
    """What helps to see what reknit does, and what is wrong with what it was told."""

    verbose_logging: Annotated[bool | None, ONLY_FALSE, Field(description="Keep a debug log in the state folder.")] = (
        None
    )
    strict_validation: Annotated[
        bool | None,
        ONLY_TRUE,
        Field(description="Unknown variables, settings that are not read, and a weak isolation are errors."),
    ] = None


class Security(_Table):
    """What patches must be like, and what is written down of them."""

    relaxed_policies: Annotated[
        bool | None,
        ONLY_FALSE,
        Field(description="What the tests do, such as starting programs, is no ground against a patch."),
    ] = None
    strict_policies: Annotated[
        bool | None, ONLY_TRUE, Field(description="Only CORROBORATED patches are written, each into the ledger first.")
    ] = None
    auditing_enabled: Annotated[
        bool | None, ONLY_TRUE, Field(description="Keep the ledger: what was done, each entry chained to the last.")
    ] = None


class Performance(_Table):
    """Budgets."""

    max_candidates: Annotated[
        int | None,
        Field(gt=0, le=LIMITS["max_candidates"], description="Candidates that one run may try."),
        LOWER,
    ] = None
    max_dollars: Annotated[
        float | None,
        Field(ge=0, le=LIMITS_FROM_ZERO["max_dollars"], description="What models may cost a day."),
        LOWER,
    ] = None
    max_tokens: Annotated[
        int | None,
        Field(ge=0, le=LIMITS_FROM_ZERO["max_tokens"], description="Tokens that models may use a day."),
        LOWER,
    ] = None
    patches_a_day: Annotated[
        int | None,
        Field(ge=0, le=LIMITS_FROM_ZERO["patches_a_day"], description="Patches that may be written a day."),
        LOWER,
    ] = None


class Integration(_Table):
    """What of the project's other tools is looked at."""

    git: Annotated[bool | None, ONLY_FALSE, Field(description="Look into the git repository.")] = None
    pytest_cache: Annotated[
        bool | None, ONLY_FALSE, Field(description="Begin with what failed when pytest last ran, as its cache says.")
    ] = None


class Settings(_Table):
    """What can be set; None is: not set here. The name of a setting is that of its option, whatever table it stands in."""

    python: Annotated[
        Annotated[Text, Field(min_length=1)] | None,
        TRUSTED,
        Field(description="Interpreter of the tests, or its virtual environment."),
    ] = None
    pytest_args: Annotated[list[Text] | None, TRUSTED, Field(description="Arguments that select the tests.")] = None
    variables: Annotated[
        dict[Annotated[str, AfterValidator(_variable)], Text] | None,
        TRUSTED,
        Field(description="Environment variables of the tests."),
    ] = None
    isolation: Annotated[
        Literal["bubblewrap", "landlock", "seatbelt", "none"] | None,
        STRONGER,
        Field(description="How the project's code is kept from the machine; by default the best that works."),
    ] = None
    max_time: Annotated[
        float | None, Field(gt=0, le=LIMITS["max_time"], description="Wall clock of a run, seconds."), LOWER
    ] = None
    max_cpu: Annotated[
        float | None, Field(gt=0, le=LIMITS["max_cpu"], description="CPU time of a run, seconds."), LOWER
    ] = None
    fuel: Annotated[
        int | None,
        Field(gt=0, le=LIMITS["fuel"], description="Calls and backward jumps that a candidate may use."),
        LOWER_THAN_YOURS,
    ] = None
    jobs: Annotated[
        int | None, Field(gt=0, le=LIMITS["jobs"], description="Workers that try candidates side by side."), FEWER
    ] = None
    seed: Annotated[int | None, FREELY, Field(description="For choices left to chance.")] = None
    apply: Annotated[bool | None, ONLY_FALSE, Field(description="Write patches whose label is safe.")] = None
    unsafe: Annotated[bool | None, ONLY_FALSE, Field(description="With apply: write plausible patches too.")] = None
    whole_suite: Annotated[
        bool | None, ONLY_TRUE, Field(description="Accept on the whole suite, even where a part is selected.")
    ] = None
    irreversible_paths: Annotated[
        list[Annotated[Text, Field(min_length=1)]] | None,
        MORE,
        Field(description="Patterns of files whose changes reach outside of the files."),
    ] = None
    debugging: Debugging = Debugging()
    security: Security = Security()
    performance: Performance = Performance()
    integration: Integration = Integration()

    def given(self) -> dict[str, Any]:
        """The settings that are set, by name."""
        found: dict[str, Any] = {}
        for name, table in TABLES.items():
            value = getattr(getattr(self, table) if table else self, name)
            if value is not None:
                found[name] = tuple(value) if isinstance(value, list) else value
        return found


class Environments(_Table):
    """Settings that hold in one environment only, over those beside them."""

    development: Settings = Settings()
    staging: Settings = Settings()
    production: Settings = Settings()


class FileSettings(Settings):
    """What a file can hold."""

    env: Environments = Environments()


_SECTIONS: Mapping[str, type[_Table]] = {
    "debugging": Debugging,
    "security": Security,
    "performance": Performance,
    "integration": Integration,
}
#: Setting → the table that it stands in, "" outside of any.
TABLES: Mapping[str, str] = {
    **{name: "" for name in Settings.model_fields if name not in _SECTIONS},
    **{name: table for table, section in _SECTIONS.items() for name in section.model_fields},
}
NAMES = tuple(TABLES)
_HOLDING: tuple[type[_Table], ...] = (Settings, *_SECTIONS.values())
RULES: Mapping[str, Rule] = {
    name: next(m for m in field.metadata if isinstance(m, Rule))
    for section in _HOLDING
    for name, field in section.model_fields.items()
    if name in TABLES
}
#: Where the name of a setting is not that of its field in `Options`: REKNIT_ENV selects the environment.
FIELDS: Mapping[str, str] = {name: "env" if name == "variables" else name for name in NAMES}
#: What holds in an environment where nobody says anything, over the defaults of `Options`.
USUAL: Mapping[Deployment, Mapping[str, bool]] = {
    Deployment.DEVELOPMENT: {"verbose_logging": True, "relaxed_policies": True},
    Deployment.STAGING: {},
    Deployment.PRODUCTION: {"strict_validation": True, "strict_policies": True, "auditing_enabled": True},
}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, each in its table."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        table = TABLES[name]
        (found.setdefault(table, {}) if table else found)[name] = value
    return found
