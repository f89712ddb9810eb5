"""`--json`: one document on stdout whatever happens, by the published schema, with the exit code of the process."""

from __future__ import annotations

import base64
import copy
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reknit.bench.case import BenchResult, CaseRow, summarise
from reknit.cli import demo
from reknit.model.document import result_document
from reknit.model.outcome import Cost, Report
from tests.e2e.machine import CALC, TESTS, Done, Project, make
from tests.unit.cli.test_heal import PROPOSED

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "schema.json").read_text())


def _closed(schema: Any) -> Any:
    """The schema without room for a field that it does not name."""
    found = copy.deepcopy(schema)
    for definition in (*found["$defs"].values(), *found["anyOf"]):
        if "properties" in definition:
            definition["additionalProperties"] = False
    return found


CLOSED = jsonschema.Draft202012Validator(_closed(SCHEMA))


def document(text: str, verb: str, status: int) -> Any:
    """The document of a verb: it fits the schema, and says with what the process ended."""
    assert text.isascii()
    data = json.loads(text)
    problems = [error.message for error in CLOSED.iter_errors(data)]
    assert problems == [], problems[0][:500]
    assert (data["schema_version"], data["verb"], data["exit_code"]) == (1, verb, status)
    return data.get("result", data.get("error"))


def result(done: Done, verb: str, status: int = 0) -> Any:
    assert done.status == status, done.err
    return document(done.out, verb, status)


def test_every_verb_on_patches(tmp_path: Path) -> None:
    """A source that is no UTF-8 from a failing test to a patch that is written, taken back and written again."""
    calc = b"# -*- coding: latin-1 -*-\n" + CALC.replace(b"value > high:", b"value > high:  # \xe9")
    one = make(tmp_path, {"calc.py": calc, "tests/test_calc.py": TESTS})
    healed = result(one.heal("--json"), "heal", 3)
    (row,), (text,) = healed["report"]["rows"], healed["patches"]
    assert (row["signal"]["test"], row["outcome"]["tag"]) == ("tests/test_calc.py::test_above", "proposed")
    assert row["outcome"]["verdict"]["patch_id"] == text["id"]
    assert text["files"] == ["calc.py"]
    assert "\n     if value > high:  # \\xe9\n" in text["diff"]
    assert one.read("calc.py") == calc

    shown = result(one.run("show", "--json"), "show")
    assert (shown["proposals"], shown["patches"]) == ([row["outcome"]], [text])

    change = result(one.run("apply", text["id"], "--json"), "apply")["change"]
    assert (change["verb"], change["target"]) == ("apply", change["receipt"]["id"])
    assert change["diff"] == text["diff"]
    assert one.read("calc.py") == by_hand(calc, row["outcome"]["patch"]["edits"])

    undone = result(one.run("undo", change["target"], "--json"), "undo")["change"]
    assert (undone["verb"], undone["target"]) == ("undo", change["target"])
    assert one.read("calc.py") == calc
    redone = result(one.run("redo", "--json"), "redo")["change"]
    changes = result(one.run("log", "--json"), "log")["changes"]
    assert changes == [change, undone, redone]


def by_hand(source: bytes, edits: list[dict[str, Any]]) -> bytes:
    """What a program makes of the edits of the document."""
    for edit in sorted(edits, key=lambda e: -int(e["start"])):
        assert source[edit["start"] : edit["end"]] == base64.urlsafe_b64decode(edit["old"])
        source = source[: edit["start"]] + base64.urlsafe_b64decode(edit["new"]) + source[edit["end"] :]
    return source


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A path that is no UTF-8 comes back to the same bytes."""
    name = os.fsdecode(b"tests/test_\xe9.py")
    one = make(tmp_path, {"calc.py": CALC, name: TESTS.replace(b"clamp(5", b"clamp(50")})
    done = one.heal("--json", "--", "-k", "inside", seconds=20)
    tests = [row["signal"]["test"] for row in document(done.out, "heal", done.status)["report"]["rows"]]
    assert [os.fsencode(test.partition("::")[0]) for test in tests] == [b"tests/test_\xe9.py"]


def check_error(one: Project, words: list[str], verb: str, status: int, slug: str) -> None:
    """The document on stdout, the words for people on stderr."""
    error = result(one.run(*words), verb, status)
    assert (error["slug"], error["exit_code"]) == (slug, status)
    assert error["message"]
    done = one.run(*(w for w in words if w != "--json"))
    assert (done.status, done.out) == (status, ""), "the same without it"


@pytest.mark.parametrize(
    ("words", "verb", "slug"),
    [
        (["heal", "--json", "--isolation", "magic"], "heal", "option"),
        (["heal", "--max-time", "x", "--json"], "heal", "command-line"),
        (["nothing", "--json"], "nothing", "command-line"),
        (["bench", "inject", "nowhere", "--json"], "bench inject", "command-line"),
        (["show", "--json"], "show", "no-patch"),
        (["apply", "abc", "--json"], "apply", "no-patch"),
        (["undo", "--json"], "undo", "nothing-to-undo"),
        (["log", "--json", "-C", "nowhere"], "log", "no-project"),
    ],
    ids=" ".join,
)
def test_errors(tmp_path: Path, words: list[str], verb: str, slug: str) -> None:
    check_error(make(tmp_path, {"calc.py": CALC}), words, verb, 2, slug)


def test_what_cannot_be_judged(tmp_path: Path) -> None:
    check_error(make(tmp_path, {"calc.py": CALC}), ["heal", "--json"], "heal", 4, "no-tests")


def test_an_argument_for_pytest_is_none_of_ours(tmp_path: Path) -> None:
    done = make(tmp_path, {"calc.py": CALC}).run("heal", "--", "--json")
    assert (done.status, done.out) == (4, "")


def test_interrupted(tmp_path: Path) -> None:
    one = make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS})
    done = one.interrupt("heal", "--json", when="propose:")
    assert result(done, "heal", 130)["slug"] == "interrupted"


def test_trust(tmp_path: Path) -> None:
    assert result(make(tmp_path, {"calc.py": CALC}).run("trust", "--json"), "trust")["asks"] == []


def test_demo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With an engine that finds nothing; tests/e2e/test_demo.py runs the real one."""
    report = Report(project="p", started=PROPOSED.started, rows=(), cost=Cost())
    monkeypatch.setattr(demo, "heal", lambda **_: report)
    assert demo.demo_verb(None, as_json=True) == 1
    found = document(capsys.readouterr().out, "demo", 1)
    assert (found["restored"], found["changes"], found["report"]["rows"]) == (True, [], [])


@pytest.mark.parametrize("verb", ["bench quixbugs", "bench inject", "bench corpus"])
def test_bench(verb: str) -> None:
    rows = (CaseRow(id="a", outcome="plausible", tests={"t": "proposed"}, patches=("note\n",)),)
    text = result_document(verb, 0, BenchResult(summary=summarise(rows), rows=rows))
    assert document(text, verb, 0)["rows"][0]["tests"] == {"t": "proposed"}


def test_the_schema_refuses_what_it_should() -> None:
    good = json.loads(result_document("bench inject", 0, BenchResult(summary=summarise(()), rows=())))
    for path, value in ((("schema_version",), 2), (("verb",), "log"), (("result", "rows"), [{}]), (("more",), 1)):
        bad = copy.deepcopy(good)
        place = bad
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert CLOSED.is_valid(good)
        assert not CLOSED.is_valid(bad), path
