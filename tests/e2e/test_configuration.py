"""Settings and trust as a user meets them."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.machine import CALC, TESTS, make

FILES = {"calc.py": CALC, "tests/test_calc.py": TESTS}


def test_a_slip_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    one = make(tmp_path, {**FILES, "reknit.toml": b"jobs = 1\nmax-time = 5\n"})
    done = one.run("heal")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "reknit: reknit.toml, line 2: there is no setting max-time; nothing was run\n"
        "  try: did you mean max_time?\n"
        "  more: docs/errors.md#config-key\n"
    )


def test_a_repository_cannot_have_its_patches_written(tmp_path: Path) -> None:
    """It asks for the end of isolation and for a patch in its files; until it is trusted, it gets neither."""
    wish = b'apply = true\nunsafe = true\nisolation = "none"\npytest_args = ["tests"]\n'
    one = make(tmp_path, {**FILES, "reknit.toml": wish})
    before = one.fingerprint()
    done = one.run("heal", "--yes", "--max-time", "60")
    assert done.status in {1, 3}, done.err
    assert "note: reknit.toml: not taken, since a project's file may only tighten: pytest_args" in done.err
    assert one.fingerprint() == before
    assert one.run("trust", "--yes").status == 0
    done = one.run("heal", "--yes", "--max-time", "60")
    assert "note:" not in done.err
    assert one.fingerprint() != before, done.out + done.err
