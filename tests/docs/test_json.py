"""docs/schema.json is what the types say, and docs/json.md says what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from reknit.cli import heal
from reknit.cli.schema import RESULTS, schema
from reknit.errors import Interrupted, UsageError
from tests.docs.test_cli import COMMANDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "json.md").read_text()


def test_the_schema_is_the_one_that_is_published() -> None:
    """What a field was called yesterday is what it is called today: a change is seen, and meant."""
    published = json.loads((DOCS / "schema.json").read_text())
    assert schema() == published, (
        "if fields were only added: python -m reknit.cli.schema > docs/schema.json; "
        "if one went or changed its meaning, SCHEMA_VERSION counts up as well"
    )


def test_every_verb_has_a_result() -> None:
    verbs = {" ".join(words) for words, command in COMMANDS.items() if not hasattr(command, "commands")}
    assert set(RESULTS) == verbs


def test_every_verb_takes_the_option() -> None:
    without = [
        " ".join(words)
        for words, command in COMMANDS.items()
        if not hasattr(command, "commands") and not any("--json" in p.opts for p in command.params)
    ]
    assert without == []


def test_the_page_has_the_codes_in_their_order() -> None:
    """The table of the page is the one that the program goes by."""
    table = [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)]
    assert table == [Interrupted.exit_code, UsageError.exit_code, *heal.PRECEDENCE]


def test_the_page_has_every_tag_and_every_result() -> None:
    tags = {d["properties"]["tag"]["const"] for d in schema()["$defs"].values() if "tag" in d.get("properties", {})}
    assert len(tags) == 10
    assert {tag for tag in tags if f"`{tag}`" not in PAGE} == set()
    rows = "".join(re.findall(r"^\| `[a-z].*\|$", PAGE, re.MULTILINE))
    assert {verb for verb in RESULTS if f"`{verb.partition(' ')[0]}" not in rows} == set()
