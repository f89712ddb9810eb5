"""Text from the project on the user's terminal: shown, never obeyed."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: Control characters, those that turn the direction of text (CVE-2021-42574), and halves of characters.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def on_one_line(text: str) -> str:
    """As `printable`, with the ends of lines as escapes: a name cannot make a line of its own."""
    return printable(text).replace("\n", "\\n")


def printable(text: str) -> str:
    """`text` without colours, and with escapes in place of what a terminal would act on; newlines and tabs stay."""
    return _UNSEEN.sub(lambda found: f"\\x{ord(found[0]):02x}", _COLOUR.sub("", text.replace("\r\n", "\n")))
