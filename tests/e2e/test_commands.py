"""Projects whose tests start their own program: no line of it runs in the process of the tests."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.machine import build_environment, check_mended

STORE = b'''\
"""Notes in one JSON file."""

import json
from pathlib import Path


class Store:
    def __init__(self, path):
        self.path = Path(path)
        self.notes = json.loads(self.path.read_text()) if self.path.exists() else []

    def add(self, text, tags):
        self.notes.append({"text": text, "tags": sorted(tags), "done": False})
        self.save()
        return len(self.notes)

    def finish(self, number):
        if not 1 <= number <= len(self.notes):
            raise LookupError(f"there is no note {number}")
        self.notes[number - 1]["done"] = True
        self.save()

    def open(self, tag=None):
        for number, note in enumerate(self.notes, start=1):
            if not note["done"] and (tag is None or tag in note["tags"]):
                yield number, note

    def save(self):
        self.path.write_text(json.dumps(self.notes))
'''
CLI = b"""\
import argparse
import sys

from notes.store import Store


def parser():
    parser = argparse.ArgumentParser(prog="notes")
    parser.add_argument("--file", default="notes.json")
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add")
    add.add_argument("text")
    add.add_argument("--tag", action="append", default=[])
    verbs.add_parser("list").add_argument("--tag")
    verbs.add_parser("done").add_argument("number", type=int)
    return parser


def main(argv=None):
    options = parser().parse_args(argv)
    store = Store(options.file)
    if options.verb == "add":
        print(store.add(options.text, options.tag))
    elif options.verb == "done":
        try:
            store.finish(options.number)
        except LookupError as error:
            print(f"notes: {error}", file=sys.stderr)
            return 1
    else:
        for number, note in store.open(options.tag):
            print(number, note["text"])
    return 0
"""
MAIN = b"import sys\n\nfrom notes.cli import main\n\nsys.exit(main())\n"
TESTS = b"""\
import json
import subprocess
import tempfile
from pathlib import Path

import pytest

START


@pytest.fixture
def notes():
    def run(*words):
        return subprocess.run([*COMMAND, "--file", str(run.file), *words], capture_output=True, text=True, env=ENV)

    with tempfile.TemporaryDirectory() as folder:
        run.file = Path(folder) / "notes.json"
        run.file.write_text(json.dumps([{"text": "milk", "tags": ["shop"], "done": False}]))
        yield run


def test_add(notes):
    assert notes("add", "bread").stdout == "2\\n"
    assert [n["text"] for n in json.loads(notes.file.read_text())] == ["milk", "bread"]


def test_list(notes):
    assert notes("list", "--tag", "shop").stdout == "1 milk\\n"


def test_done(notes):
    assert notes("done", "1").returncode == 0
    assert json.loads(notes.file.read_text())[0]["done"]


def test_no_such_note(notes):
    done = notes("done", "3")
    assert (done.returncode, done.stderr) == (1, "notes: there is no note 3\\n")


def test_usage(notes):
    assert notes("dance").returncode == 2
"""
#: Found in the current folder, and in an environment that is handed on.
MODULE = b'import sys\n\nCOMMAND, ENV = [sys.executable, "-m", "notes"], None'
#: Found beside the interpreter, with an environment made by hand.
SCRIPT = b"""import os, sys

COMMAND, ENV = [os.path.join(sys.prefix, "bin", "notes")], {"PATH": os.defpath, "LANG": "C.UTF-8"}"""
SOURCES = {"__init__.py": b"", "__main__.py": MAIN, "cli.py": CLI, "store.py": STORE}


def files(folder: str, start: bytes) -> dict[str, bytes]:
    program = {f"{folder}notes/{name}": content for name, content in SOURCES.items()}
    return {**program, "tests/test_cli.py": TESTS.replace(b"START", start)}


def test_a_module_that_its_tests_start_and_a_limit_that_is_left_out(tmp_path: Path) -> None:
    right, wrong = b"number <= len", b"number < len"
    said = check_mended(tmp_path, files("", MODULE), "notes/store.py", right=right, wrong=wrong, tests="1/5")
    assert "note:" not in said


def test_a_console_script_that_its_tests_start_and_the_wrong_sign(tmp_path: Path) -> None:
    """Without isolation, where the project is a copy: what is installed as editable leads to the copy there too."""
    venv = tmp_path / "venv"
    site = build_environment(venv)
    (site / "notes.pth").write_text(f"{tmp_path.resolve()}/project/src\n")
    script = venv / "bin" / "notes"
    script.write_text(f"#!{venv}/bin/python\nimport sys\nfrom notes.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    right, wrong = b"[number - 1]", b"[number + 1]"
    words = ("--isolation", "none", "--python", str(venv))
    check_mended(tmp_path, files("src/", SCRIPT), "src/notes/store.py", *words, right=right, wrong=wrong, tests="1/5")
