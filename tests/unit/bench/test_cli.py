"""The verbs, driven without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reknit.bench.case import CaseRow
from reknit.bench.cli import app
from reknit.bench.show import print_result

ROWS = [CaseRow(id="a", outcome="plausible", same_code=True), CaseRow(id="b", outcome="unjudged", why="[x]: y")]


@pytest.mark.parametrize("verb", ["quixbugs", "inject", "corpus"])
def test_every_verb_explains_itself(verb: str) -> None:
    done = CliRunner().invoke(app, [verb, "--help"])
    assert (done.exit_code, "--json" in done.output) == (0, True)


def test_json_has_a_summary_and_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_result("bench inject", ROWS, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["verb"], document["exit_code"]) == ("bench inject", 0)
    data = document["result"]
    assert data["summary"]["plausible"] == 1
    assert [row["id"] for row in data["rows"]] == ["a", "b"]


def test_the_table_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_result("bench inject", ROWS, as_json=False)
    out = capsys.readouterr().out
    assert "1 of 2 plausible" in out
    assert "[x]: y" in out


def test_a_list_is_drawn_through_the_verb(tmp_path: Path) -> None:
    project = tmp_path / "p"
    project.mkdir()
    (project / "one.py").write_text("def one():\n    return 1\n")
    (project / "test_one.py").write_text("from one import one\n\ndef test_one():\n    assert one() == 1\n")
    drawn = tmp_path / "drawn.json"
    done = CliRunner().invoke(
        app, ["inject", str(project), "--count", "1", "--draw-only", str(drawn), "--", "-q", "-p", "no:cacheprovider"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(drawn.read_text())["bugs"][0]["file"] == "one.py"
