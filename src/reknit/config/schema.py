"""The settings: their types and bounds, and what a project's own file may do to each without the user's trust."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reknit.config.options import LIMITS, usual_jobs

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


class Settings(BaseModel):
    """What can be set, each by the name of its option; None is: not set here."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    python: Annotated[Annotated[Text, Field(min_length=1)] | None, TRUSTED] = None
    pytest_args: Annotated[list[Text] | None, TRUSTED] = None
    variables: Annotated[dict[Annotated[str, AfterValidator(_variable)], Text] | None, TRUSTED] = None
    isolation: Annotated[Literal["bubblewrap", "landlock", "seatbelt", "none"] | None, STRONGER] = None
    max_time: Annotated[float | None, Field(gt=0, le=LIMITS["max_time"]), LOWER] = None
    max_cpu: Annotated[float | None, Field(gt=0, le=LIMITS["max_cpu"]), LOWER] = None
    fuel: Annotated[int | None, Field(gt=0, le=LIMITS["fuel"]), LOWER_THAN_YOURS] = None
    jobs: Annotated[int | None, Field(gt=0, le=LIMITS["jobs"]), FEWER] = None
    seed: Annotated[int | None, FREELY] = None
    apply: Annotated[bool | None, ONLY_FALSE] = None
    unsafe: Annotated[bool | None, ONLY_FALSE] = None
    whole_suite: Annotated[bool | None, ONLY_TRUE] = None
    irreversible_paths: Annotated[list[Annotated[Text, Field(min_length=1)]] | None, MORE] = None

    def given(self) -> dict[str, Any]:
        """The settings that are set, by name."""
        found = {name: value for name in NAMES if (value := getattr(self, name)) is not None}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


class Environments(BaseModel):
    """Settings that hold in one environment only, over those beside them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    development: Settings = Settings()
    staging: Settings = Settings()
    production: Settings = Settings()


class FileSettings(Settings):
    """What a file can hold."""

    env: Environments = Environments()


NAMES = tuple(Settings.model_fields)
RULES: Mapping[str, Rule] = {
    name: next(m for m in field.metadata if isinstance(m, Rule)) for name, field in Settings.model_fields.items()
}
#: Where the name of a setting is not that of its field in `Options`: REKNIT_ENV selects the environment.
FIELDS: Mapping[str, str] = {name: "env" if name == "variables" else name for name in NAMES}
