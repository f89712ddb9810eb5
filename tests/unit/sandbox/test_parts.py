"""Paths, identities, limits, Landlock's rights and the macOS profile."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from reknit.sandbox import Job, Limits, View, identity, spec
from reknit.sandbox.confine import domain, handled
from reknit.sandbox.identity import Stranger
from reknit.sandbox.paths import follow
from reknit.sandbox.seatbelt import profile


def test_follow_collects_each_link_on_the_way(tmp_path: Path) -> None:
    """As for a python that is a link to a link in a folder that is a link."""
    base = tmp_path.resolve()
    (base / "real" / "bin").mkdir(parents=True)
    (base / "real" / "bin" / "python3.12").touch()
    (base / "real" / "bin" / "python").symlink_to("python3.12")
    (base / "version").symlink_to("real")
    (base / "python").symlink_to(base / "version" / "bin" / "python")
    links: dict[str, str] = {}
    assert follow(base / "python", links) == base / "real" / "bin" / "python3.12"
    assert links == {
        f"{base}/python": f"{base}/version/bin/python",
        f"{base}/version": "real",
        f"{base}/real/bin/python": "python3.12",
    }


def test_follow_goes_up_from_where_a_link_leads(tmp_path: Path) -> None:
    """By the letters alone it would come to another file, which the kernel was not asked for."""
    base = tmp_path.resolve()
    (base / "a" / "b").mkdir(parents=True)
    (base / "deep").symlink_to("a/b")
    for name in ("file", "a/file"):
        (base / name).touch()
    (base / "python").symlink_to("deep/../file")
    assert follow(base / "python", {}) == (base / "python").resolve() == base / "a" / "file"


def test_follow_ends_on_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    links: dict[str, str] = {}
    follow(tmp_path.resolve() / "a", links)
    assert len(links) == 2


def test_a_stranger_is_apart_from_everyone_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id lies outside the range that the others keep; the kernel refuses maps that overlap."""
    path = tmp_path / "map"
    for line in ("0 0 4294967295", "0 100000 65536", "0 1000 1\n1 100000 65536"):
        path.write_text(line)
        start, count, chosen = identity._pick(str(path))
        assert chosen >= start + count
        assert any(int(f) <= chosen < int(f) + int(c) for f, _, c in (row.split() for row in line.splitlines()))
    assert len({Stranger.fresh().user for _ in range(20)}) > 10


def test_limits_become_rlimits() -> None:
    found = dict(spec.rlimits(Limits(memory=1 << 30, file_size=None, open_files=50)))
    assert found[resource.RLIMIT_AS] == 1 << 30
    assert found[resource.RLIMIT_NOFILE] == 50
    assert found[resource.RLIMIT_CORE] == 0
    assert resource.RLIMIT_FSIZE not in found


@pytest.mark.parametrize(
    ("kernel", "namespace", "own_user", "bound"),
    [((6, 1), True, False, 22), ((5, 10), True, False, 122), ((6, 1), False, False, 121), ((5, 10), False, True, 20)],
)
def test_others_processes_are_not_the_jobs(
    monkeypatch: pytest.MonkeyPatch, kernel: tuple[int, int], namespace: bool, own_user: bool, bound: int
) -> None:
    """The kernel counts a user's processes, before 5.14 also those outside the namespace."""
    monkeypatch.setattr(spec, "_kernel", lambda: kernel)
    monkeypatch.setattr(spec, "_tasks_of", lambda user: 100)
    found = spec.process_limit(Limits(processes=20), namespace=namespace, own_user=own_user)
    assert found == [(resource.RLIMIT_NPROC, bound)]


def test_patched_files_are_dated_after_the_original(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    job = Job(argv=["x"], view=View(root=tmp_path, files={"a.py": b"", "new.py": b""}), env={})
    times = {path: mtime for path, _, mtime in spec.patched_files(job)}
    assert times == {"a.py": (tmp_path / "a.py").stat().st_mtime_ns + 10**9, "new.py": None}


@pytest.mark.parametrize(
    ("abi", "rights"),
    [
        (1, (0x1FFF, 0, 0)),
        (2, (0x3FFF, 0, 0)),
        (3, (0x7FFF, 0, 0)),
        (4, (0x7FFF, 3, 0)),
        (5, (0xFFFF, 3, 0)),
        (6, (0xFFFF, 3, 3)),
    ],
)
def test_landlock_is_asked_for_what_it_knows(abi: int, rights: tuple[int, int, int]) -> None:
    """A right that the kernel does not know is refused with the whole ruleset."""
    assert handled(abi) == rights
    _, rules = domain(readable=["/r"], writable=["/w"], devices=["/d"], abi=abi)
    assert all(given & ~rights[0] == 0 for _, given in rules)
    given = dict(rules)
    assert given["/r"] == 0b1101
    assert given["/w"] == rights[0]


def test_the_profile_quotes_paths() -> None:
    text = profile(readable=[Path('/a "b"')], writable=[Path("/w\\x")])
    assert "(deny default)" in text
    assert '(allow file-read* (subpath "/a \\"b\\""))' in text
    assert '(allow file-write* (subpath "/w\\\\x"))' in text
    assert "network" not in text
