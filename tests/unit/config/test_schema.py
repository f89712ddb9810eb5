"""The settings are those of a run, and the names those of the sandbox."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

from reknit.config import Options
from reknit.config.schema import FIELDS, ISOLATION, NAMES, RULES
from reknit.sandbox.base import Level


def test_every_option_can_be_set() -> None:
    """But where the project and the state are, known before any file is read, and what only measurements ask for."""
    fields = {f.name for f in dataclasses.fields(Options)}
    assert {FIELDS[name] for name in NAMES} == fields - {"project", "state_dir", "cold"}


def test_levels_are_the_sandboxes() -> None:
    assert tuple(Level) == ISOLATION


def test_every_setting_has_its_rule() -> None:
    assert set(RULES) == set(NAMES)


def test_options_load_no_parser() -> None:
    """What only names the options stays light."""
    program = "import sys, reknit.config; print(sorted({'pydantic', 'tomllib', 'platformdirs'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
