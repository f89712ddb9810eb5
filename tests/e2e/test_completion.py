"""Completion in a shell: verbs, options, values and ids; nothing of the project runs for it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.machine import CALC, COMMAND, TESTS, Project, make, receipts

PROGRAM = f"#!{sys.executable} -P\nfrom reknit.cli.main import run\nrun()\n"


@pytest.fixture
def one(tmp_path: Path) -> Project:
    """A project that writes a file when any of it is imported, and `reknit` on the PATH."""
    program = tmp_path / "bin" / "reknit"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    ran = f"open({str(tmp_path / 'ran')!r}, 'w')\n".encode()
    files = {
        "calc.py": CALC,
        "tests/test_calc.py": TESTS,
        **dict.fromkeys(("rich.py", "typing.py", "conftest.py"), ran),
    }
    return make(tmp_path, files, PATH=f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def shell(one: Project, script: str, **env: str) -> str:
    """What bash prints; with `; :` it stays the parent of what it starts."""
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}; :"],
        cwd=one.root,
        env={**one.environment(), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert not (one.root.parent / "ran").exists(), "the project ran"
    return done.stdout


def offered(one: Project, line: str) -> list[str]:
    """What bash offers for the last word of `line`."""
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        "source <(reknit --show-completion); COMP_WORDS=(%s); COMP_CWORD=%d; _reknit_completion reknit; "
        'printf "%%s\\n" "${COMPREPLY[@]}"'
    )
    return shell(one, script % (quoted, len(words) - 1)).split()


@pytest.mark.needs_tool("bash")
def test_bash(one: Project) -> None:
    before = one.fingerprint()
    assert offered(one, "reknit he") == ["heal"]
    assert {"show", "undo", "bench"} <= set(offered(one, "reknit "))
    assert offered(one, "reknit bench in") == ["inject"]
    assert offered(one, "reknit heal --max-") == ["--max-time"]
    assert offered(one, "reknit heal --isolation b") == ["bubblewrap"]
    assert offered(one, "reknit show ") == offered(one, "reknit undo ") == [], "nothing is known yet"
    assert one.fingerprint() == before
    assert [p.name for p in one.state.iterdir()] == ["home"], "completing makes no state"


@pytest.mark.needs_tool("bash")
def test_ids(one: Project, tmp_path: Path) -> None:
    """Patches that were proposed; receipts that can be taken back, or applied again."""
    for name in ("rich.py", "typing.py", "conftest.py"):
        (one.root / name).unlink()
    assert one.heal().status == 3
    (patch,) = offered(one, "reknit apply ")
    assert one.run("apply", patch).status == 0
    (receipt,) = offered(one, "reknit undo ")
    assert receipt.startswith(receipts(one)[0])
    assert offered(one, f"reknit undo {receipt[:4]}") == [receipt]
    assert offered(one, "reknit redo ") == offered(one, "reknit undo zz") == []
    assert one.run("undo", receipt).status == 0
    assert offered(one, "reknit redo ") == [receipt]


@pytest.mark.needs_tool("bash")
def test_it_is_installed_where_the_shell_looks(one: Project) -> None:
    assert "bash completion installed in" in shell(one, "reknit --install-completion")
    home = one.state / "home"
    assert ".bash_completions/reknit.sh" in (home / ".bashrc").read_text()
    assert "_REKNIT_COMPLETE=complete_bash" in (home / ".bash_completions" / "reknit.sh").read_text()


@pytest.mark.needs_tool("bash")
@pytest.mark.parametrize(
    ("protocol", "wanted"),
    [
        ({"_REKNIT_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "reknit und"}, '"undo":"Take an applied'),
        (
            {
                "_REKNIT_COMPLETE": "complete_fish",
                "_TYPER_COMPLETE_ARGS": "reknit und",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            },
            "undo\tTake an applied",
        ),
    ],
    ids=["zsh", "fish"],
)
def test_what_other_shells_ask(one: Project, protocol: dict[str, str], wanted: str) -> None:
    assert wanted in shell(one, "reknit", **protocol)


def _cpu(*command: str) -> float:
    """CPU seconds of a command, the least of three."""
    least = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def test_help_is_quick() -> None:
    """At most 30 times the CPU of an interpreter that does nothing."""
    assert _cpu(*COMMAND, "--help") < 30 * _cpu(sys.executable, "-c", "pass")


def test_version() -> None:
    from reknit import __version__

    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"reknit {__version__}\n", "")
