"""Every command and option is in docs/cli.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from reknit.cli.main import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it, groups too."""
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


ROOT = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT))


def options(command: Any) -> list[str]:
    return [
        o
        for p in command.params
        if p.param_type_name == "option" and p.name != "help"
        for o in (*p.opts, *p.secondary_opts)
    ]


def section(words: tuple[str, ...]) -> str:
    """The page from the command's heading to the next command's."""
    start = rf"^#+ `reknit {' '.join(words)}`$"
    found = re.search(start + r"(.*?)(?=^#+ `reknit |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section `reknit {' '.join(words)}`"
    return found[1]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command_and_options_are_documented(words: tuple[str, ...]) -> None:
    text = section(words)
    missing = [o for o in options(COMMANDS[words]) if not re.search(rf"`{re.escape(o)}(?![\w-])", text)]
    assert missing == []


def test_the_options_of_all_verbs_are_documented() -> None:
    top = PAGE.read_text().partition("\n## ")[0]
    assert [o for o in options(ROOT) if not re.search(rf"`(reknit )?{re.escape(o)}`", top)] == []


def test_no_option_is_documented_that_is_not_there() -> None:
    known = {o for command in (ROOT, *COMMANDS.values()) for o in options(command)}
    assert set(re.findall(r"`(?:reknit )?(--[a-z][a-z-]*)", PAGE.read_text())) - known - {"--help"} == set()


def test_every_command_explains_itself() -> None:
    for words, command in COMMANDS.items():
        assert command.help, words
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0, words
