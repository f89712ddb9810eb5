"""Words, sentences and tables of text."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_FIELD = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z_]\w*)(?:\|(?P<filter>\w+))?\}", re.IGNORECASE)
_IRREGULAR = {"child": "children", "person": "people", "mouse": "mice", "foot": "feet", "datum": "data"}
_FILTERS = {"upper": str.upper, "lower": str.lower, "title": str.title, "strip": str.strip}


def slugify(text: str, separator: str = "-", *, longest: int | None = None) -> str:
    """Lower-case ASCII words joined by `separator`; cut at a word where it gets too long."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower().replace("'", ""))
    slug = separator.join(words)
    if longest is None or len(slug) <= longest:
        return slug
    while len(words) > 1 and len(separator.join(words)) > longest:
        words.pop()
    return separator.join(words)[:longest]


def camel_to_snake(name: str) -> str:
    """HTTPServerName2 as http_server_name_2."""
    return "_".join(word.lower() for word in _WORD.findall(name))


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th …"""
    rest = abs(number) % 100
    if 10 < rest < 14:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rest % 10, 'th') }"


def pluralize(word: str, count: int = 2) -> str:
    """The plural of an English noun, in its case, unless there is one of it."""
    if count == 1 or not word:
        return word
    lower = word.lower()
    if lower in _IRREGULAR:
        plural = _IRREGULAR[lower]
    elif lower.endswith("y") and lower[-2:-1] not in "aeiou":
        plural = lower[:-1] + "ies"
    elif lower.endswith(("s", "x", "z", "ch", "sh")):
        plural = lower + "es"
    else:
        plural = lower + "s"
    if word.isupper() and len(word) > 1:
        return plural.upper()
    return plural.capitalize() if word[0].isupper() else plural


def ellipsize(text: str, width: int, *, mark: str = "…", where: str = "end") -> str:
    """At most `width` characters, with a mark where something was left out: end, start or middle."""
    if len(text) <= width:
        return text
    room = width - len(mark)
    if room <= 0:
        return mark[:width]
    if where == "start":
        return mark + text[-room:]
    if where == "middle":
        head = (room + 1) // 2
        tail = room - head
        return text[:head] + mark + (text[-tail:] if tail else "")
    return text[:room].rstrip() + mark


def indent(text: str, prefix: str, *, first: str | None = None) -> str:
    """Every line that is not blank behind a prefix, the first behind another."""
    lines = textwrap.dedent(text).strip("\n").splitlines()
    done = []
    for number, line in enumerate(lines):
        lead = first if number == 0 and first is not None else prefix
        done.append((lead + line).rstrip() if line.strip() else "")
    return "\n".join(done)


def table(rows: Iterable[Sequence[object]], header: Sequence[str] = (), *, gap: int = 2) -> str:
    """Columns of equal width; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in ([header] if header else [])]
    numbers: dict[int, bool] = {}
    for row in rows:
        cells.append([f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row])
        for column, cell in enumerate(row):
            numbers[column] = numbers.get(column, True) and isinstance(cell, (int, float))
    widths: dict[int, int] = {}
    for line in cells:
        for column, cell in enumerate(line):
            widths[column] = max(widths.get(column, 0), len(cell))
    lines = []
    for line in cells:
        padded = [c.rjust(widths[i]) if numbers.get(i) else c.ljust(widths[i]) for i, c in enumerate(line)]
        lines.append((" " * gap).join(padded).rstrip())
    if header:
        lines.insert(1, (" " * gap).join("-" * widths[i] for i in range(len(header))))
    return "\n".join(lines)


class Template:
    """Text with fields like {name} or {name|upper}; {{ and }} stand for braces."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields = [m["name"] for m in _FIELD.finditer(text) if m["name"]]

    def render(self, values: Mapping[str, object] | None = None, /, **more: object) -> str:
        """The text with values in place of fields; `KeyError` names those that are missing."""
        known = {**(values or {}), **more}
        missing = [name for name in self.fields if name not in known]
        if missing:
            raise KeyError(", ".join(dict.fromkeys(missing)))

        def replace(match: re.Match[str]) -> str:
            if match["name"] is None:
                return match[0][0]
            text = str(known[match["name"]])
            return _FILTERS[match["filter"].lower()](text) if match["filter"] else text

        return _FIELD.sub(replace, self.text)
