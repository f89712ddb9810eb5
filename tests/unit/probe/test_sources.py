"""Candidates come from memory in every layout, and no bytecode of the project is read or written."""

from __future__ import annotations

import json
import py_compile
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import reknit.probe

PROBE = Path(reknit.probe.__file__).parent

#: Takes over imports as the probe does, in a process of its own; `argv[1]` says what.
DRIVER = """
import builtins, importlib, importlib.util, json, os, sys
order = json.loads(sys.argv[1])
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location(
    "_probe", os.path.join(order["probe"], "__init__.py"), submodule_search_locations=[order["probe"]]
)
sys.modules["_probe"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from _probe import fuel, remap, sources
tank = fuel.Tank()
tank.install()
found = sources.Sources(order["roots"], order["excluded"], ticks=order["ticks"])
found.install(order["bytecode"])
exec(order["setup"])
if order["remap"]:
    remap.remap(*order["remap"])
found.warm(order["warm"])
found.replace({p: t.encode() for p, t in order["files"].items()})
module = importlib.import_module(order["module"])
print(json.dumps({
    "value": module.value(), "file": module.__file__, "loaded": found.loaded(order["files"]), "ticks": tank.used,
    "prefix": sys.pycache_prefix,
}))
"""

ORIGINAL, CANDIDATE = "def value():\n    return 'original'\n", "def value():\n    return 'candidate'\n"


def run(root: Path, module: str, **order: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "probe": str(PROBE),
        "roots": [str(root)],
        "excluded": [],
        "bytecode": str(root.parent / "bytecode"),
        "remap": None,
        "warm": [],
        "files": {},
        "setup": "",
        "ticks": True,
        "module": module,
    }
    command = [sys.executable, "-c", DRIVER, json.dumps({**whole, **order})]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root.parent)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


#: As setuptools makes it for an editable install: a class of its own on `sys.meta_path`.
FINDER = """
from importlib.util import spec_from_file_location
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "pkg":
            return spec_from_file_location(name, {root!r} + "/src/pkg/__init__.py")
sys.meta_path.append(Finder)
"""
#: Likewise, for a namespace package.
SPACE = """
import importlib.machinery
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "space":
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [{root!r} + "/src/space"]
            return spec
sys.meta_path.append(Finder)
"""
#: A .pth file, as pip and poetry write it.
PTH = """
import pathlib, site
folder = pathlib.Path({root!r}).parent / "site"
folder.mkdir()
(folder / "pkg.pth").write_text({root!r} + "/src" + chr(10))
site.addsitedir(str(folder))
"""
LAYOUTS = {
    "flat": ("mod.py", "mod", "sys.path.insert(0, {root!r})"),
    "package": ("pkg/inner/mod.py", "pkg.inner.mod", "sys.path.insert(0, {root!r})"),
    "src": ("src/pkg/mod.py", "pkg.mod", "sys.path.insert(0, {root!r} + '/src')"),
    "namespace": ("src/space/part/mod.py", "space.part.mod", "sys.path.insert(0, {root!r} + '/src')"),
    "editable .pth": ("src/pkg/mod.py", "pkg.mod", PTH),
    "editable finder": ("src/pkg/mod.py", "pkg.mod", FINDER),
    "editable namespace": ("src/space/part/mod.py", "space.part.mod", SPACE),
}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, str, str]:
    """A project: its root, the file, the module's name, and what makes it importable."""
    file, module, setup = LAYOUTS[request.param]
    root = (tmp_path / "project").resolve()
    write(root, {file: ORIGINAL})
    parts = Path(file).parts[:-1]
    if parts[:1] == ("src",):
        parts = parts[1:]
    prefix = "src/" if file.startswith("src/") else ""
    if parts and parts[0] != "space":
        for depth in range(1, len(parts) + 1):
            write(root, {prefix + "/".join(parts[:depth]) + "/__init__.py": ""})
    return root, file, module, setup.format(root=str(root))


def test_a_candidate_is_imported_from_memory(layout: tuple[Path, str, str, str]) -> None:
    root, file, module, setup = layout
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    found = run(root, module, files={str(root / file): CANDIDATE}, warm=[str(root / file)], setup=setup)
    assert (found["value"], found["loaded"], found["file"]) == ("candidate", True, str(root / file))
    assert found["ticks"] > 0
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before, "something was written"
    assert not (root.parent / "bytecode").exists()


def test_a_copy_takes_the_place_of_the_original(layout: tuple[Path, str, str, str]) -> None:
    """Whatever way leads to the original, the copy is imported."""
    root, file, module, setup = layout
    copy = root.parent / "copy"
    for path in [p for p in root.rglob("*") if p.is_file()]:
        write(copy, {path.relative_to(root).as_posix(): path.read_text()})
    write(copy, {file: "def value():\n    return 'copy'\n"})
    found = run(copy, module, setup=setup, remap=[str(root), str(copy)])
    assert (found["value"], found["file"]) == ("copy", str(copy / file))


def test_a_module_that_only_the_copy_has(layout: tuple[Path, str, str, str]) -> None:
    """A patch may add a file."""
    root, file, module, setup = layout
    copy = root.parent / "copy"
    for path in [p for p in root.rglob("*") if p.is_file()]:
        write(copy, {path.relative_to(root).as_posix(): path.read_text()})
    new = str(Path(file).with_name("added.py"))
    write(copy, {new: "def value():\n    return 'added'\n"})
    found = run(copy, ".".join([*module.split(".")[:-1], "added"]), setup=setup, remap=[str(root), str(copy)])
    assert (found["value"], found["file"]) == ("added", str(copy / new))


def test_a_file_that_is_not_imported_is_not_loaded(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, {"mod.py": ORIGINAL, "other.py": ORIGINAL})
    setup = f"sys.path.insert(0, {str(root)!r})"
    found = run(root, "mod", files={str(root / "other.py"): CANDIDATE}, setup=setup)
    assert (found["value"], found["loaded"]) == ("original", False)


def test_a_linked_file_is_loaded(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, {"real.py": ORIGINAL})
    (root / "mod.py").symlink_to("real.py")
    setup = f"sys.path.insert(0, {str(root)!r})"
    found = run(root, "mod", files={str(root / "mod.py"): CANDIDATE}, setup=setup)
    assert (found["value"], found["loaded"]) == ("candidate", True)


@pytest.mark.parametrize("ticks", [True, False])
def test_poisoned_bytecode_is_not_read(tmp_path: Path, ticks: bool) -> None:
    """A .pyc with the source's own time and size counts as fresh; of the project none is believed."""
    root = tmp_path / "project"
    write(root, {"mod.py": "def value():\n    return 'poisoned'\n"})
    py_compile.compile(str(root / "mod.py"), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    write(root, {"mod.py": ORIGINAL})
    setup = f"sys.path.insert(0, {str(root)!r})"
    assert run(root, "mod", setup=setup, ticks=ticks)["value"] == "original"
    assert run(root, "mod", setup=setup, roots=[], ticks=ticks)["value"] == "poisoned", "the poison does not work"


def test_without_ticks_the_code_is_as_it_is(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, {"mod.py": ORIGINAL})
    found = run(root, "mod", setup=f"sys.path.insert(0, {str(root)!r})", ticks=False)
    assert (found["value"], found["ticks"]) == ("original", 0)


def test_other_peoples_code_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, {".venv/lib/mod.py": ORIGINAL})
    setup = f"sys.path.insert(0, {str(root / '.venv/lib')!r})"
    file = {str(root / ".venv/lib/mod.py"): CANDIDATE}
    found = run(root, "mod", setup=setup, files=file, excluded=[str(root / ".venv")])
    assert (found["value"], found["ticks"], found["loaded"]) == ("original", 0, False)
    assert found["prefix"] == str(tmp_path / "bytecode")


def test_plugins_come_from_their_own_caches(tmp_path: Path) -> None:
    """To compile them anew costs more than most suites."""
    root = tmp_path / "project"
    text = """
    from pathlib import Path
    from _pytest.assertion.rewrite import get_cache_dir
    def value():
        return [str(get_cache_dir(Path(p))) for p in (__file__, "/elsewhere/plugin.py")]
    """
    write(root, {"mod.py": textwrap.dedent(text)})
    own, foreign = run(root, "mod", setup=f"sys.path.insert(0, {str(root)!r})")["value"]
    assert own.startswith(str(tmp_path / "bytecode"))
    assert foreign == "/elsewhere/__pycache__"


def test_source_in_another_encoding(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, {"mod.py": "# -*- coding: latin-1 -*-\n" + ORIGINAL})
    (root / "mod.py").write_bytes("# -*- coding: latin-1 -*-\ndef value():\n    return 'é'\n".encode("latin-1"))
    assert run(root, "mod", setup=f"sys.path.insert(0, {str(root)!r})")["value"] == "é"


def test_what_cannot_be_compiled_does_not_stop_the_warming(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "mod.py": ORIGINAL,
            "broken.py": "def (",
            "deep.py": "x" + ".a" * 100_000,
            "deeper.py": "-" * 100_000 + "1",
            "null.py": "\0",
        },
    )
    warm = [str(root / n) for n in ("broken.py", "deep.py", "deeper.py", "null.py", "missing.py", "mod.py")]
    assert run(root, "mod", setup=f"sys.path.insert(0, {str(root)!r})", warm=warm)["value"] == "original"
