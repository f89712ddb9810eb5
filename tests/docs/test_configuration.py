"""Every setting is in docs/configuration.md as it is, and every one there exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from reknit.cli.main import app
from reknit.config import Options
from reknit.config.load import Layer, _defaults
from reknit.config.schema import NAMES, RULES, TABLES, USUAL, Deployment

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()
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
