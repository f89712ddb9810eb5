"""Every setting is in docs/configuration.md as it is, and every one there exists."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from reknit.cli.main import app
from reknit.config import Options
from reknit.config.editor import schema
from reknit.config.load import Layer, _defaults
from reknit.config.schema import NAMES, RULES, TABLES, USUAL, Deployment, FileSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "configuration.md").read_text()
ROWS = {
    row[1].strip(" `"): [cell.strip() for cell in row]
    for line in PAGE.partition("## Settings")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| `") and (row := line.split("|"))
}
#: What stands for a default that is no value.
SAID = {None: {"found", "the strongest that works", "unbounded", "60 times the tests' own", "one a core, at most 2"}}
STAGING = _defaults(Deployment.STAGING)  # which has no defaults of its own
FLAGS = {o for p in typer.main.get_command(app).commands["heal"].params for o in p.opts}  # type: ignore[attr-defined]


def test_the_settings_are_the_settings() -> None:
    assert tuple(ROWS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_true(name: str) -> None:
    _, _, _, default, variable, flag, rule, _ = ROWS[name]
    assert variable == f"`REKNIT_{name.upper()}`"
    assert rule == RULES[name].words
    option = f"--{name.replace('_', '-')}"
    assert flag == ("after `--`" if name == "pytest_args" else f"`{option}`" if option in FLAGS else "")
    usual, _, own = default.partition("; ")
    assert said(STAGING[name].value, usual)
    others = [f"{str(values[name]).lower()} in {env}" for env, values in USUAL.items() if name in values]
    assert own == ", ".join(others)


def test_each_stands_in_its_table() -> None:
    text, table, found = PAGE.partition("## Settings")[2].partition("\n## ")[0], "", {}
    for line in text.splitlines():
        if heading := re.fullmatch(r"### .*`\[(\w+)\]`", line):
            table = heading[1]
        elif row := re.match(r"\| `(\w+)` \|", line):
            found[row[1]] = table
    assert found == dict(TABLES)


def said(value: Any, default: str) -> bool:
    if value is None:
        return default in SAID[None]
    if isinstance(value, tuple | dict):
        return default == "none" and not value
    return default == (str(value).lower() if isinstance(value, bool) else f"{value:g}")


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_explained(name: str) -> None:
    text = PAGE.partition("## Settings")[2]
    assert re.search(rf"^- .*`{name}`: .|^- .*; `{name}`: .|\. `{name}`: .", text, re.MULTILINE)


def test_the_layers_are_in_order() -> None:
    order = re.findall(r"^\d\. .*?(flag|environment|project|Your|your|default)", PAGE, re.MULTILINE)
    assert [w.replace("your", "user") for w in order] == list(Layer)


def test_defaults_are_those_of_options() -> None:
    assert STAGING["max_time"].value == Options(project=Path()).max_time


class TestSchema:
    """docs/settings.schema.json is what the types say, and it says what the program says."""

    SCHEMA = json.loads((DOCS / "settings.schema.json").read_text())

    def test_it_is_the_one_that_is_published(self) -> None:
        assert schema() == self.SCHEMA, "python -m reknit.config.editor > docs/settings.schema.json"

    def test_every_setting_is_described_in_its_place(self) -> None:
        Draft202012Validator.check_schema(self.SCHEMA)
        for name, table in TABLES.items():
            holder = self.SCHEMA["$defs"][table.title()] if table else self.SCHEMA
            assert f"In a project's file: {RULES[name].words}." in holder["properties"][name]["description"]

    @pytest.mark.parametrize(
        "text",
        [
            *re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL),
            "",
            "jobs = 1",
            "jobs = 0",
            "jobs = '1'",
            "job = 1",
            "python = ''",
            "[security]\nstrict_policies = true",
            "[security]\nstrict_policies = 1",
            "[security]\njobs = 1",
            "strict_policies = true",
            "[env.production.performance]\npatches_a_day = 0",
            "[env.production.performance]\npatches_a_day = -1",
            "[env.prod]\njobs = 1",
            "isolation = 'magic'",
            "[variables]\nA = 1",
            "irreversible_paths = ['']",
        ],
    )
    def test_it_takes_what_the_program_takes(self, text: str) -> None:
        table = tomllib.loads(text)
        try:
            FileSettings.model_validate(table)
            fits = True
        except ValidationError:
            fits = False
        assert Draft202012Validator(self.SCHEMA).is_valid(table) == fits
