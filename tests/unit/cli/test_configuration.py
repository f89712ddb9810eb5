"""What is set and by whom, and all that is wrong at once."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from reknit.cli.configuration import check_verb, show_verb
from reknit.cli.settings import settled
from reknit.config.load import Layer, load
from reknit.config.schema import NAMES, TABLES
from reknit.errors import UsageError
from reknit.redaction import REDACTED
from tests.unit.config.settings import Place

USER = """\
max_time = 50

[variables]
HOME = "/home/user"
API_TOKEN = "tok-12345"

[security]
auditing_enabled = true

[env.staging.performance]
patches_a_day = 2
"""
PROJECT = (
    "[tool.other]\njobs = 1\n\n[tool.reknit]\njobs = 1\n[tool.reknit.debugging]\n# first\nverbose_logging = false\n"
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path.resolve())
    found.user(USER)
    found.project(PROJECT, "pyproject.toml")
    monkeypatch.setenv("REKNIT_CONFIG", str(found.folder / "user.toml"))
    monkeypatch.setenv("REKNIT_STATE_DIR", str(found.state))
    monkeypatch.setenv("REKNIT_SEED", "7")
    monkeypatch.delenv("REKNIT_ENV", raising=False)
    return found


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["result"]
    return found


class TestShow:
    def test_who_set_what_and_where(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        assert show_verb(place.root, "staging", origin=True) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "# staging"
        user = place.folder / "user.toml"
        assert f"max_time = 50.0  # {user}, line 1" in lines
        assert "jobs = 1  # pyproject.toml [tool.reknit], line 5" in lines
        assert "seed = 7  # REKNIT_SEED" in lines
        assert "verbose_logging = false  # pyproject.toml [tool.reknit.debugging], line 8" in lines
        assert "auditing_enabled = true  # user.toml [security], line 8" in lines
        assert "patches_a_day = 2  # user.toml [env.staging.performance], line 11" in lines
        assert "# max_tokens is not set  # default" in lines

    @pytest.mark.parametrize("origin", [True, False])
    def test_it_is_toml_that_says_the_same(
        self, place: Place, capsys: pytest.CaptureFixture[str], origin: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.user(USER.replace("API_TOKEN", "OTHER") + '[env.staging]\npytest_args = ["-k", "a \\" b\\\\"]\n')
        before = settled(place.root, {"env": "staging"}, place.state).options
        show_verb(place.root, "staging", origin=origin)
        text = capsys.readouterr().out
        assert set(tomllib.loads(text)) >= {"max_time", "debugging", "security"}
        place.user(text)
        (place.root / "pyproject.toml").unlink()
        monkeypatch.delenv("REKNIT_SEED")
        assert settled(place.root, {"env": "staging"}, place.state).options == before

    def test_no_secret_is_shown(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        show_verb(place.root, None, origin=False)
        out = capsys.readouterr().out
        assert f'variables = {{HOME = "/home/user", API_TOKEN = "{REDACTED}"}}' in out
        show_verb(place.root, None, origin=False, as_json=True)
        assert "tok-12345" not in out + capsys.readouterr().out

    def test_for_programs(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        assert show_verb(place.root, None, origin=False, as_json=True) == 0
        found = shown(capsys)
        assert found["environment"] == "development"
        assert [one["name"] for one in found["settings"]] == list(NAMES)
        jobs = next(one for one in found["settings"] if one["name"] == "jobs")
        assert jobs == {
            "name": "jobs",
            "table": "",
            "value": 1,
            "layer": "project",
            "origin": "pyproject.toml [tool.reknit]",
            "line": 5,
        }
        assert {one["table"] for one in found["settings"]} == set(TABLES.values())
        assert {one["layer"] for one in found["settings"]} <= {str(layer) for layer in Layer}

    def test_where_a_line_cannot_be_told(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.user('"max\\u005ftime" = 40')
        show_verb(place.root, None, origin=True)
        assert f"max_time = 40.0  # {place.folder / 'user.toml'}\n" in capsys.readouterr().out


class TestCheck:
    def test_all_is_well(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        assert check_verb(place.root, None, None) == 0
        assert capsys.readouterr().err == "nothing is wrong\n"

    def test_every_mistake_is_said(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.user("max_tme = 3\n[security]\nstrict_policies = 1\n")
        place.project("[tool.reknit]\njobs = 0\n[tool.reknit.debugging]\nauditing_enabled = true\n", "pyproject.toml")
        assert check_verb(place.root, None, None) == 2
        user = place.folder / "user.toml"
        assert capsys.readouterr().out.splitlines() == [
            f"{user}, line 3: security.strict_policies should be a valid boolean",
            f"{user}, line 1: there is no setting max_tme",
            "  try: did you mean max_time?",
            "pyproject.toml, line 2: jobs should be greater than 0",
            "pyproject.toml, line 4: there is no setting debugging.auditing_enabled",
            "  try: auditing_enabled stands in the table security",
        ]

    def test_what_a_run_would_note_is_said(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.project("[tool.reknit]\napply = true", "pyproject.toml")
        assert check_verb(place.root, None, None) == 0
        assert "pyproject.toml: not taken" in capsys.readouterr().err

    def test_variables_too(
        self, place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REKNIT_MAX_TIME", "long")
        assert check_verb(place.root, None, None) == 2
        assert "REKNIT_MAX_TIME should be a valid number" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("name", "text", "says"),
        [
            ("mine.toml", "[securty]\n", "mine.toml, line 1: there is no setting securty"),
            ("mine.toml", "jobs = = 1", "mine.toml cannot be used: Invalid value (at line 1, column 8)"),
            (
                "pyproject.toml",
                "[tool.reknit]\njob = 1",
                "pyproject.toml, line 2: there is no setting job",
            ),
            ("pyproject.toml", "[tool.other]\njob = 1", None),
            ("mine.toml", "jobs = 1", None),
        ],
    )
    def test_one_file(
        self, place: Place, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str | None
    ) -> None:
        path = place.folder / name
        path.write_text(text)
        assert check_verb(place.root, path, None) == (2 if says else 0)
        assert (says or "") in capsys.readouterr().out

    def test_for_programs(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.user("max_tme = 3\njobs = 0")
        assert check_verb(place.root, None, None, as_json=True) == 2
        assert [(one["slug"], one["hint"]) for one in shown(capsys)["mistakes"]] == [
            ("config-value", None),
            ("config-key", "did you mean max_time?"),
        ]

    def test_a_run_ends_with_the_first_of_them(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.user("max_tme = 3\njobs = 0")
        check_verb(place.root, None, None)
        first = capsys.readouterr().out.splitlines()[0]
        with pytest.raises(UsageError) as caught:
            load(place.root, flags={}, environ={"REKNIT_CONFIG": str(place.folder / "user.toml")}, state=place.state)
        assert caught.value.message == f"{first}; nothing was run"
