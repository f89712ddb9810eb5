"""The answer: findings, and what they come to."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Health(enum.StrEnum):
    """How one thing stands."""

    WELL = "well"
    #: Healing works, and less well than it could, or otherwise than one may think.
    DOUBTFUL = "doubtful"
    #: Healing does not work.
    ILL = "ill"
    #: Something before it is missing.
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    health: Health
    text: str
    details: tuple[str, ...] = ()
    #: A command, or what to do.
    fix: str | None = None
    #: Its section of docs/errors.md, where it is an error that `heal` would end with.
    slug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Where the tests import a package of the project from."""

    name: str
    #: Where it lies in the project.
    path: str
    #: None: no test imports it while pytest collects.
    inside: bool | None
    #: The file elsewhere, if it is not inside.
    elsewhere: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An environment that was passed over."""

    origin: str
    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All that was found; what is null could not be found out."""

    reknit: str
    reknit_python: str
    project: str
    repository: str | None
    state: str
    python: str
    python_version: str | None
    #: How the interpreter was found.
    python_origin: str
    passed_over: tuple[Passed, ...]
    pytest: str | None
    #: "name version" of what pytest loads by itself.
    plugins: tuple[str, ...]
    tests: int | None
    collect_seconds: float | None
    layout: str
    imported: tuple[Imported, ...]
    isolation: str | None
    view: str | None
    #: Why no stronger isolation, or no better view, works.
    why_not_stronger: tuple[str, ...]
    coverage: str | None
    #: The step of the ladder in which a change of a function would be judged.
    step: str | None
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """What the findings come to. Whether a test fails is not known: none was run."""
        ill = [f.topic for f in self.findings if f.health is Health.ILL]
        if not self.can_heal:
            return f"reknit cannot heal here; to be mended: {', '.join(ill)}"
        if any(f.slug == "collection" for f in self.findings):
            return "reknit can heal here only tests that were collected and fail; mend the imports to have the others judged"
        return "reknit can heal here"

    @property
    def can_heal(self) -> bool:
        """Whether nothing stands in the way."""
        return not any(f.health in {Health.ILL, Health.UNCHECKED} for f in self.findings)
