"""`reknit demo`: six bugs healed, one not, nothing left behind."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.machine import make


def test_demo(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    place = make(tmp_path, {}, TMPDIR=str(temporary))
    done = place.run("demo")
    assert done.status == 0, done.out + done.err
    assert done.out.count("\nhealed  ") == 6, done.out
    assert done.out.count("\nnot healed  ") == 1
    assert "\x1b" not in done.out
    assert done.out.rstrip().endswith("every file is as it was: yes")
    assert "cost: 0 model calls, $0.00, " in done.out
    assert list(temporary.iterdir()) == []
    assert [p.name for p in place.state.iterdir()] == ["home"], "the demo keeps its state to itself"
