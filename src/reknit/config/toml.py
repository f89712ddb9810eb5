"""TOML that may be hostile, as a table; a mistake in it as an error that names file, line and key."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reknit import bounded
from reknit.errors import UsageError

#: Comments, whole strings (closed or not, so that the scan is linear), words, blanks, and every other character.
_TOKEN = re.compile(
    r'#[^\n]*|"""(?:[^\\]|\\.)*?(?:"{3,5}|\Z)|\'\'\'.*?(?:\'{3,5}|\Z)|"(?:[^"\\\n]|\\.)*+"?|\'[^\'\n]*\'?|[\w-]+|[ \t]+|.',
    re.DOTALL,
)
#: Parts of a dotted key. The time that the standard parser takes grows with their square, to minutes within a small file.
_MOST_PARTS = 32
#: Lines that may hold a key, tried when its line is looked for.
_MOST_TRIED = 4
_SHOWN = 60
#: Mistakes of one file that are told.
_MOST_MISTAKES = 20

Model = TypeVar("Model", bound=BaseModel)


def parse(name: str, content: bytes) -> tuple[str, dict[str, Any]]:
    """The file's text and its table; `UsageError` names `name` and the line."""
    try:
        text = content.decode()
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise _broken(name, f"line {line} is not UTF-8") from exc
    if _most_parts(text) > _MOST_PARTS:
        raise _broken(name, f"a dotted key has more than {_MOST_PARTS} parts")
    try:
        return text, tomllib.loads(text)
    except RecursionError as exc:
        raise _broken(name, "its values are nested too deep") from exc
    except ValueError as exc:  # what is no TOML, and numbers and dates that Python cannot hold
        raise _broken(name, str(exc)) from exc


def _broken(name: str, why: str) -> UsageError:
    return UsageError(f"{name} cannot be used: {why}; nothing was run", slug="config-syntax")


def _most_parts(text: str) -> int:
    """Parts of the longest dotted key, or of what looks like one."""
    most = parts = 1
    for found in _TOKEN.finditer(text):
        piece = found[0]
        if piece == ".":
            parts += 1
            most = max(most, parts)
        elif len(piece) == 1 and not (piece.isalnum() or piece in "_- \t"):
            parts = 1
    return most


def check(model: type[Model], table: Mapping[str, Any], *, name: str, text: str, prefix: tuple[str, ...]) -> Model:
    """`table`, which stands at `prefix` in the file, as a model; `UnfitError`, which has every key that does not fit."""
    try:
        return model.model_validate(table)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False)[:_MOST_MISTAKES]
        raise UnfitError([_mistake(model, error, name, text, prefix) for error in errors]) from exc


class UnfitError(UsageError):
    """Keys of a file that do not fit: it reads as the first of them."""

    def __init__(self, mistakes: Sequence[UsageError]) -> None:
        first = mistakes[0]
        super().__init__(first.message, slug=first.slug, hint=first.hint)
        self.mistakes = tuple(mistakes)


def _mistake(model: type[BaseModel], error: ErrorDetails, name: str, text: str, prefix: tuple[str, ...]) -> UsageError:
    path = [part for part in error["loc"] if part != "[key]"]  # of a table, it says that the key is meant
    line = line_of(text, (*prefix, *(str(part) for part in path if isinstance(part, str))))
    where = f"{name}, line {line}" if line else name
    if error["type"] == "extra_forbidden":
        return _unknown(where, model, path)
    return UsageError(f"{where}: {said(path, error['msg'])}; nothing was run", slug="config-value")


def said(path: Sequence[str | int], message: str) -> str:
    """Pydantic's message about the value at `path`, as a sentence."""
    what = message.removeprefix("Input ").removeprefix("Value error, ")
    return f"{_dotted(path)} {what[:1].lower()}{what[1:]}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """What was meant instead of `word`, as a hint."""
    known = sorted(known)
    close = difflib.get_close_matches(word.replace("-", "_"), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "choose one of " + ", ".join(known)


def _unknown(where: str, model: type[BaseModel], path: Sequence[str | int]) -> UsageError:
    known: type[BaseModel] = model
    for part in path[:-1]:
        known = _table_of(known, str(part)) or known
    message = f"{where}: there is no setting {_dotted(path)}; nothing was run"
    word = str(path[-1])[:_SHOWN]
    hint = suggestion(word, known.model_fields)
    if word.replace("-", "_") not in known.model_fields:
        hint = _elsewhere(model, word) or hint
    return UsageError(message, slug="config-key", hint=hint)


def _elsewhere(model: type[BaseModel], word: str) -> str | None:
    """Where a setting of exactly this name stands, if it stands in another table."""
    name = word.replace("-", "_")
    if name in model.model_fields and _table_of(model, name) is None:
        return f"{name} stands before all tables"
    tables = {table: inner for table in model.model_fields if (inner := _table_of(model, table)) is not None}
    found = [table for table, inner in tables.items() if name in inner.model_fields and _table_of(inner, name) is None]
    return f"{name} stands in the table {found[0]}" if found else None


def _table_of(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    """The model of a field that is a table of settings."""
    inner = model.model_fields[field].annotation if field in model.model_fields else None
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _dotted(path: Sequence[str | int]) -> str:
    text = bounded.escaped(".".join(str(part) for part in path))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line, from 1, that first sets what stands at `path`; None where that cannot be told.

    What stands before a statement is a document of its own, which does not have the key yet.
    """
    lines = text.split("\n")
    sets = re.compile(rf"""(?:^|[\s.{{,\["']){re.escape(path[-1])}["']?\s*[=.\]]""")
    holding = [number for number, line in enumerate(lines) if sets.search(line)]
    for number in holding[:_MOST_TRIED]:
        before = _table(lines[:number])
        after = _table(lines[: number + 1])
        if before is None or _has(before, path):
            continue
        if _has(after, path) if after is not None else lines[number].lstrip().startswith(path[-1]):
            return number + 1
    return None


def _table(lines: list[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return None


def _has(table: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    here: Any = table
    for part in path:
        if not isinstance(here, Mapping) or part not in here:
            return False
        here = here[part]
    return True
