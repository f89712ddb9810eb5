"""The switches of the environments, and the ledger, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.machine import CALC, TESTS, make

FILES = {"calc.py": CALC, "tests/test_calc.py": TESTS}
APPLY = ("--apply", "--unsafe", "--yes")


def test_production_writes_what_is_corroborated_and_keeps_a_ledger(tmp_path: Path) -> None:
    """And in development, the same run writes the patch; its ledger is kept only where that was asked for."""
    one = make(tmp_path, FILES)
    before = one.read("calc.py")
    done = one.heal(*APPLY, "--env", "production")
    assert done.status == 5, done.out + done.err
    assert "strict policies let corroborated ones only, not plausible" in done.out
    assert one.read("calc.py") == before
    ledger = one.run("ledger")
    assert ledger.status == 0
    assert "patch proposed" in ledger.out
    assert "are as they were written" in ledger.err

    (state,) = (one.state / "projects").iterdir()
    assert not (state / "debug.log").exists()
    length = len((state / "ledger.jsonl").read_text().splitlines())
    done = one.heal(*APPLY)
    assert done.status == 0, done.out + done.err
    assert one.read("calc.py") != before
    assert len((state / "ledger.jsonl").read_text().splitlines()) == length
    log = [json.loads(line) for line in (state / "debug.log").read_text().splitlines()]
    assert [line["event"] for line in (log[0], log[-1])] == ["run began", "run ended"]
    assert {line.get("stage") for line in log} >= {"detect", "propose", "verify", "apply"}

    text = (state / "ledger.jsonl").read_text()
    (state / "ledger.jsonl").write_text(text.replace("heal began", "heal bgan"))
    ledger = one.run("ledger")
    assert ledger.status == 1
    assert ledger.err.startswith("line 1 was changed: ")


def test_a_broken_ledger_ends_a_production_run(tmp_path: Path) -> None:
    one = make(tmp_path, FILES, REKNIT_ENV="production")
    assert one.run("breaker", "open").status == 0
    (state,) = (one.state / "projects").iterdir()
    (state / "ledger.jsonl").unlink()
    done = one.heal()
    assert (done.status, done.out) == (4, "")
    assert "is not as it was left; nothing was added to it" in done.err
    assert "docs/errors.md#ledger-broken" in done.err
    assert one.run("breaker", "close").status == 0


def test_strict_validation(tmp_path: Path) -> None:
    one = make(tmp_path, FILES, REKNIT_ENV="production", REKNIT_MAX_TMIE="3")
    done = one.run("heal")
    assert (done.status, done.out) == (2, "")
    assert "REKNIT_MAX_TMIE is no setting; did you mean REKNIT_MAX_TIME?" in done.err
    one = make(tmp_path, FILES, REKNIT_ENV="production")
    done = one.run("heal", "--isolation", "none")
    assert (done.status, done.out) == (2, "")
    assert "isolation none was asked for where" in done.err
