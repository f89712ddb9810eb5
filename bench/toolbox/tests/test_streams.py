from __future__ import annotations

import io
import sys

import pytest

from toolbox.streams import LineBuffer, MultiReader, atomic_write, read_backwards, tee


class TestAtomicWrite:
    def test_the_file_is_there_whole(self, tmp_path):
        path = tmp_path / "out.txt"
        with atomic_write(path) as file:
            file.write("done")
            assert not path.exists()
        assert path.read_text() == "done"
        assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]

    def test_a_failure_leaves_what_was_there(self, tmp_path):
        path = tmp_path / "out.txt"
        path.write_text("before")
        with pytest.raises(RuntimeError), atomic_write(path) as file:
            file.write("half")
            raise RuntimeError
        assert path.read_text() == "before"
        assert len(list(tmp_path.iterdir())) == 1

    def test_modes_stay(self, tmp_path):
        path = tmp_path / "run.sh"
        path.write_text("")
        path.chmod(0o750)
        with atomic_write(path, "wb") as file:
            file.write(b"#!")
        assert path.stat().st_mode & 0o777 == 0o750
        with pytest.raises(FileExistsError), atomic_write(path, overwrite=False):
            pass


@pytest.mark.parametrize("block", [1, 3, 4096])
def test_read_backwards(tmp_path, block):
    path = tmp_path / "log"
    path.write_bytes(b"one\r\ntwo\n\nfour\n")
    with path.open("rb") as file:
        assert list(read_backwards(file, block)) == ["four", "", "two", "one"]


def test_line_buffer():
    lines: list[str] = []
    with LineBuffer(lines.append, longest=5) as buffer:
        buffer.write("a\nb")
        assert lines == ["a"]
        buffer.write("c\n1234567")
    assert lines == ["a", "bc", "12345", "67"]
    with pytest.raises(ValueError, match="closed"):
        buffer.write("more")


def test_multi_reader():
    both = MultiReader(io.BytesIO(b"abc"), io.BytesIO(b"defg"))
    assert both.read(2) == b"ab"
    assert both.read(3) == b"cde"
    assert both.read() == b"fg"
    both.rewind()
    assert both.read() == b"abcdefg"


def test_tee(capsys):
    with tee() as kept:
        print("hello")
    print("after")
    assert kept.getvalue() == "hello\n"
    assert capsys.readouterr().out == "hello\nafter\n"


def test_tee_into_another_stream(monkeypatch):
    other = io.StringIO()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with tee(other) as kept:
        print("x")
    assert (kept.getvalue(), other.getvalue(), sys.stdout.getvalue()) == ("x\n", "x\n", "")
