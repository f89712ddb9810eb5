"""A ledger that nobody touched is intact, whatever a crash left of it; and whatever somebody did to a line is named."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.errors import StoreError
from reknit.ledger import HEAD, LEDGER, OLDER, Event, Fact, Ledger, verify
from reknit.redaction import REDACTED, Redaction

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def ledger(state: Path, most: int = 8 << 20) -> Ledger:
    return Ledger(state, redact=Redaction({"API_TOKEN": "tok-12345"}), now=lambda: NOW, most=most)


def filled(state: Path, count: int = 6) -> list[bytes]:
    for number in range(count):
        ledger(state).write(Event.PROPOSED, patch=f"p{number}", files=["a.py", "b.py"])
    return (state / LEDGER).read_bytes().splitlines(keepends=True) if count else []


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert verify(tmp_path).lines == ()
    lines = filled(tmp_path)
    found = verify(tmp_path)
    assert (found.flaw, found.torn, len(lines)) == (None, 0, 6)
    assert [line.number for line in found.lines] == [1, 2, 3, 4, 5, 6]
    assert found.lines[2].facts == {"patch": "p2", "files": ["a.py", "b.py"]}
    assert {line.event for line in found.lines} == {"patch proposed"}
    assert found.lines[0].at == "2026-03-01T12:00:00.000+00:00"


def test_only_the_user_reads_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    filled(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    ledger(tmp_path).write(Event.APPLIED, reason="with tok-12345", files=["password=hunter2"], safe=True)
    text = (tmp_path / LEDGER).read_text()
    assert "tok-12345" not in text
    assert "hunter2" not in text
    assert verify(tmp_path).lines[0].facts["reason"] == f"with {REDACTED}"


@pytest.mark.parametrize(
    "facts",
    [
        {"text": "x" * 10_000},
        {"files": ["y" * 300] * 5000},
        {f"f{n}": ["z" * 300] * 30 for n in range(50)},
        {"text": "\ud800\n\0", "number": float("nan")},
    ],
)
def test_a_line_is_one_line_and_has_an_end(tmp_path: Path, facts: dict[str, Fact]) -> None:
    ledger(tmp_path).write(Event.REFUSED, **facts)
    ledger(tmp_path).write(Event.REFUSED)
    assert (tmp_path / LEDGER).stat().st_size < 70_000
    assert (verify(tmp_path).flaw, len(verify(tmp_path).lines)) == (None, 2)


def changed(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b"p2", b"q2"), *lines[3:]]


def forged(lines: list[bytes]) -> list[bytes]:
    """An entry in between that is chained as it should be."""
    return [*lines[:3], lines[3].replace(b"p3", b"q3"), *lines[3:]]


@pytest.mark.parametrize(
    ("change", "kind", "number"),
    [
        (changed, "changed", 3),
        (lambda ls: [ls[0].replace(b"p0", b"q0"), *ls[1:]], "changed", 1),
        (lambda ls: [*ls[:5], ls[5].replace(b"p5", b"q5")], "changed", 6),
        (lambda ls: [*ls[:4], ls[4].replace(b"p4", b"q4"), ls[5]], "changed", 5),
        (lambda ls: [*ls[:2], ls[2].replace(b'"n":3', b'"n":7'), *ls[3:]], "changed", 3),
        (lambda ls: [*ls[:2], b"{}\n", *ls[3:]], "changed", 3),
        (lambda ls: [*ls[:5], b"\xff\xff\n"], "changed", 6),
        (lambda ls: [b"[1]\n", *ls[1:]], "changed", 1),
        (lambda ls: [*ls[:2], *ls[3:]], "cut", 3),
        (lambda ls: [*ls[:1], *ls[5:]], "cut", 2),
        (lambda ls: ls[1:], "cut", 1),
        (lambda ls: ls[:5], "cut", 6),
        (lambda ls: ls[:2], "cut", 3),
        (lambda _ls: [], "cut", 1),
        (forged, "inserted", 4),
        (lambda ls: [*ls[:4], ls[3], *ls[4:]], "inserted", 4),
        (lambda ls: [*ls[:2], ls[3], ls[2], *ls[4:]], "changed", 3),
        (lambda ls: [*ls[:5], ls[5][:-9]], "changed", 6),
    ],
    ids=itertools.count(),
)
def test_what_somebody_did_is_named(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], kind: str, number: int
) -> None:
    (tmp_path / LEDGER).write_bytes(b"".join(change(filled(tmp_path))))
    flaw = verify(tmp_path).flaw
    assert flaw is not None
    assert (flaw.kind, flaw.number) == (kind, number)


def test_nothing_is_added_to_a_ledger_that_was_cut(tmp_path: Path) -> None:
    lines = filled(tmp_path)
    for content in (lines[:4], [*lines[:5], lines[5].replace(b"p5", b"q5")], [*lines[:5], lines[5][:-9]], []):
        (tmp_path / LEDGER).write_bytes(b"".join(content))
        with pytest.raises(StoreError) as caught:
            ledger(tmp_path).write(Event.PROPOSED)
        assert caught.value.slug == "ledger-broken"
        assert (tmp_path / LEDGER).read_bytes() == b"".join(content)


def test_without_its_head_it_is_not_believed(tmp_path: Path) -> None:
    filled(tmp_path)
    for content in (None, b"", b"{}", b'{"first": 1}', b"[" * 100_000):
        (tmp_path / HEAD).unlink(missing_ok=True)
        if content is not None:
            (tmp_path / HEAD).write_bytes(content)
        flaw = verify(tmp_path).flaw
        assert flaw is not None
        assert (flaw.kind, flaw.number) == ("cut", 7)
        with pytest.raises(StoreError):
            ledger(tmp_path).write(Event.PROPOSED)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_whatever_a_crash_leaves_is_no_slip(tmp_path: Path, count: int) -> None:
    """Killed at each byte of a line, or before its head: it is told apart, and the next line goes on from there."""
    filled(tmp_path, count)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    ledger(tmp_path).write(Event.APPLIED)
    whole = (tmp_path / LEDGER).read_bytes()
    old = before.get(LEDGER, b"")
    for end in range(len(old), len(whole) + 1):
        for path in tmp_path.iterdir():
            path.unlink()
        for name, content in before.items():
            (tmp_path / name).write_bytes(content)
        (tmp_path / LEDGER).write_bytes(whole[:end])
        torn = end - len(old) if end < len(whole) else 0
        found = verify(tmp_path)
        assert (found.flaw, found.torn) == (None, torn)
        ledger(tmp_path).write(Event.PROPOSED)
        found = verify(tmp_path)
        assert (found.flaw, found.torn) == (None, 0)
        events = [line.event for line in found.lines][count:]
        assert events == [
            *(["torn line dropped"] if torn else []),
            *(["patch applied"] if end == len(whole) else []),
            "patch proposed",
        ]


class TestBound:
    def test_the_chain_goes_on_in_a_new_file(self, tmp_path: Path) -> None:
        for number in range(40):
            ledger(tmp_path, most=1500).write(Event.PROPOSED, patch=f"p{number}")
            found = verify(tmp_path)
            assert found.flaw is None
            assert found.lines[-1].number == number + 1
            assert (tmp_path / LEDGER).stat().st_size < 1500 + 300
        assert verify(tmp_path).lines[0].number > 10
        assert (tmp_path / OLDER).exists()

    def test_a_crash_between_is_no_slip(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the head, or after the file has its new name."""
        filled(tmp_path, 5)
        small = ledger(tmp_path, most=100)
        renamed = Path.replace

        def only_the_head(path: Path, target: Path) -> Path:
            if target.name != HEAD:
                raise OSError(5, "broken")
            return renamed(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", only_the_head)
            with pytest.raises(StoreError):
                small.write(Event.PROPOSED)
        assert verify(tmp_path).flaw is None
        (tmp_path / LEDGER).rename(tmp_path / OLDER)
        assert verify(tmp_path).flaw is None
        small.write(Event.PROPOSED)
        found = verify(tmp_path)
        assert (found.flaw, [line.number for line in found.lines]) == (None, [1, 2, 3, 4, 5, 6])

    @pytest.mark.parametrize("name", [OLDER, LEDGER])
    def test_a_file_that_is_gone_is_missed(self, tmp_path: Path, name: str) -> None:
        for number in range(20):
            ledger(tmp_path, most=1500).write(Event.PROPOSED, patch=f"p{number}")
        (tmp_path / name).unlink()
        flaw = verify(tmp_path).flaw
        assert flaw is not None
        assert flaw.kind == "cut"


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        ledger(tmp_path / "file" / "state").write(Event.PROPOSED)
    assert caught.value.slug == "ledger-unwritable"
    filled(tmp_path)
    (tmp_path / LEDGER).unlink()
    (tmp_path / LEDGER).mkdir()
    with pytest.raises(StoreError) as caught:
        verify(tmp_path)
    assert caught.value.slug == "ledger-unreadable"


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    state, other = tmp_path / "state", tmp_path / "other"
    state.mkdir()
    other.write_text("")
    (state / LEDGER).symlink_to(other)
    with pytest.raises(StoreError):
        ledger(state).write(Event.PROPOSED)
    assert other.read_text() == ""


def write_some(state: Path) -> None:
    for _ in range(15):
        ledger(state, most=3000).write(Event.PROPOSED, process=os.getpid())


def test_processes_share_one_chain(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=write_some, args=(tmp_path,)) for _ in range(3)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    found = verify(tmp_path)
    assert (found.flaw, found.lines[-1].number) == (None, 45)


@given(st.data())
def test_any_change_of_any_byte_is_seen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    state = tmp_path_factory.mktemp("ledger")
    content = b"".join(filled(state, 3))
    at = data.draw(st.integers(0, len(content) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    (state / LEDGER).write_bytes(content[:at] + bytes([new]) + content[at + 1 :])
    found = verify(state)
    line = content[:at].count(b"\n") + 1
    assert found.flaw is not None
    assert abs(found.flaw.number - line) <= 1
    assert json.loads((state / HEAD).read_bytes())["last"] == 3
