"""What a person needs to know of modules that could not be imported: pytest's text is mostly the machinery of imports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reknit.errors import CannotJudgeError

_PLACE = re.compile(r"(?P<path>\S.*?):\d+: in .*")
#: Python's own modules, what is installed, and what starts the tests: none of them is to be mended.
_FOREIGN = ("<", "/", "..")
_SYNTAX = re.compile(r"(SyntaxError|IndentationError|TabError): .*")
_FILE = re.compile(r'File "(?P<path>.*)", line (?P<line>\d+)')
_MOST_LINES = 30


def not_collected(errors: Sequence[tuple[str, str]]) -> CannotJudgeError:
    """The error for modules of tests that could not be imported, (module, pytest's text)."""
    module, text = errors[0]
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    hint = f"`reknit doctor` says what is missing; or leave it out: `reknit heal -- --ignore {module.split('::')[0]}`"
    if _SYNTAX.match(because(text)):
        hint = "mend the syntax first: what cannot be parsed cannot be healed"
    return CannotJudgeError(
        f"{module}{more} could not be collected ({because(text)}), and no other test fails; nothing was changed\n"
        + "\n".join(list(_telling(text))[-_MOST_LINES:]),
        slug="collection",
        hint=hint,
    )


def because(text: str) -> str:
    """In one line, why a module could not be imported; where it does not parse, with the place."""
    said = [line[1:].strip() for line in text.splitlines() if line.startswith("E  ")]
    if not said:
        return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason was given")
    syntax = next((line for line in said if _SYNTAX.match(line)), None)
    if syntax is None:
        return said[0]
    place = next((found for line in reversed(said) if (found := _FILE.search(line))), None)
    return f"{syntax} in {place['path']}, line {place['line']}" if place else syntax


def _telling(text: str) -> Iterator[str]:
    """The lines on the project's own files, and the error itself."""
    ours = False
    for line in text.splitlines():
        place = _PLACE.fullmatch(line)
        if place:
            ours = not place["path"].startswith(_FOREIGN) and "site-packages" not in place["path"]
        if line.startswith("E  ") or (ours and line.strip()):
            yield line
