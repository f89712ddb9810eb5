"""What `--json` prints: one document a verb, an envelope around values of the codec."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from reknit.errors import ReknitError
from reknit.model import codec

#: Counts up when a field goes or changes its meaning; a field that is added does not count.
SCHEMA_VERSION: Final = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[T]):
    """What a verb found or did."""

    schema_version: Literal[1]
    #: As it is called, such as "heal" or "bench inject".
    verb: str
    #: The exit status of the process.
    exit_code: int
    result: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error: what happened and what was not done, in words and by the name that docs/errors.md has for it."""

    slug: str
    message: str
    hint: str | None
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDocument:
    """What stands in place of a result."""

    schema_version: Literal[1]
    #: "" where the command line does not say it.
    verb: str
    exit_code: int
    error: Problem


def result_document(verb: str, exit_code: int, result: Any) -> str:
    """The document of a result, which is a dataclass that the codec knows how to write."""
    kind = type(result)
    document = Document(schema_version=SCHEMA_VERSION, verb=verb, exit_code=exit_code, result=result)
    return _text(codec.dump(Document[kind], document))  # type: ignore[valid-type]


def error_document(verb: str, error: ReknitError) -> str:
    """The document of an error."""
    code = error.exit_code
    problem = Problem(slug=error.slug, message=error.message, hint=error.hint, exit_code=code)
    document = ErrorDocument(schema_version=SCHEMA_VERSION, verb=verb, exit_code=code, error=problem)
    return _text(codec.dump(ErrorDocument, document))


def _text(data: Any) -> str:
    return json.dumps(data, allow_nan=False, indent=2) + "\n"
