"""House rules: what a reader may count on anywhere in the tree."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "reknit"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"

#: Programs with bugs on purpose.
SHOP = SRC / "demo" / "shop"
MODULE_LINES, MODULE_LINES_EVER = 400, 700
FUNCTION_LINES, FUNCTION_LINES_EVER, SHORT_FUNCTIONS = 30, 60, 0.9
VAGUE = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common)$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
ASSERTS = re.compile(r"^(_?assert|_?check|_?expect|raises$|warns$|fail$|deprecated_call$|run_state_machine)")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def _python(folder: Path) -> list[Path]:
    data = {p for p in folder.rglob("data") if p.is_dir()}
    return [p for p in sorted(folder.rglob("*.py")) if not p.is_relative_to(SHOP) and not data & set(p.parents)]


SOURCES = _python(SRC)
TESTS = _python(ROOT / "tests")


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _length(node: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    doc = node.body[0] if ast.get_docstring(node) is not None else None
    return (node.end_lineno or 0) - node.lineno + 1 - ((doc.end_lineno or 0) - doc.lineno + 1 if doc else 0)


def _excused() -> set[str]:
    """Modules over the limit, from the section of ARCHITECTURE.md that gives each a reason."""
    section = ARCHITECTURE.read_text().partition("## Long modules")[2].partition("\n## ")[0]
    return set(re.findall(r"^- `([^`]+)`: \S", section, re.MULTILINE))


def test_modules_are_short() -> None:
    """400 lines; over it, ARCHITECTURE.md says why it is one thing; never over 700."""
    lines = {_name(p): len(p.read_text().splitlines()) for p in (*SOURCES, *TESTS)}
    long = {name for name, count in lines.items() if count > MODULE_LINES}
    assert long == _excused()
    assert {name: count for name, count in lines.items() if count > MODULE_LINES_EVER} == {}


def test_functions_are_short() -> None:
    """90 % of them at most 30 lines, none over 60."""
    lengths = {f"{_name(p)}:{f.lineno} {f.name}": _length(f) for p in SOURCES for f in _functions(_parse(p))}
    assert {name: count for name, count in lengths.items() if count > FUNCTION_LINES_EVER} == {}
    over = sorted(name for name, count in lengths.items() if count > FUNCTION_LINES)
    assert len(over) <= (1 - SHORT_FUNCTIONS) * len(lengths), over


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, Definition):
            yield re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower()


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=_name)
def test_names_say_something(path: Path) -> None:
    """No utils, helpers, manager, misc or common."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    assert [n for n in (*parts, *_defined(_parse(path))) if VAGUE.search(n)] == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_nothing_is_left_unfinished(path: Path) -> None:
    """No notes to ourselves and no stubs; the names may occur in strings, as data."""
    comments = [line for line in path.read_text().splitlines() if UNFINISHED.search(line.partition("#")[2])]
    raised = [
        node.lineno
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.Raise) and node.exc and "NotImplementedError" in ast.unparse(node.exc)
    ]
    assert (comments, raised) == ([], [])


def _is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether it swallows anything; what it raises again after cleaning up, it does not swallow."""
    if any(isinstance(node, ast.Raise) and node.exc is None for node in handler.body):
        return False
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or ast.unparse(kind) in {"Exception", "BaseException"} for kind in kinds)


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_broad_excepts_give_their_reason(path: Path) -> None:
    """`except Exception` stands around foreign code only and says which."""
    lines = path.read_text().splitlines()
    handlers = [node for node in ast.walk(_parse(path)) if isinstance(node, ast.ExceptHandler) and _is_broad(node)]
    assert [h.lineno for h in handlers if not re.search(r"# (noqa: [A-Z0-9, ]+ )?- \S+", lines[h.lineno - 1])] == []


def _calls(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            yield getattr(call.func, "attr", getattr(call.func, "id", ""))


def _asserting(tree: ast.Module) -> set[str]:
    """Functions of a module that assert, by themselves or through another of them."""
    functions = {f.name: f for f in _functions(tree)}
    found: set[str] = set()
    while True:
        more = {
            name
            for name, node in functions.items()
            if any(isinstance(sub, ast.Assert) for sub in ast.walk(node))
            or any(ASSERTS.match(call) or call in found for call in _calls(node))
        }
        if more <= found:
            return found
        found |= more


@pytest.mark.parametrize("path", [p for p in TESTS if p.name.startswith("test_")], ids=_name)
def test_every_test_asserts(path: Path) -> None:
    tree = _parse(path)
    assert [f.name for f in _functions(tree) if f.name.startswith("test_") and f.name not in _asserting(tree)] == []


#: A name after /home/ that no document would use as an example.
MACHINE_PATH = re.compile(r"(?<![\w.])/root/|(?<![\w.])/home/(?!(user|you|me|ada|alice|bob)\b)\w+")


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [p for name in done.stdout.decode().split("\0") if name and (p := ROOT / name).is_file()]


def test_no_machine_is_named() -> None:
    """A clone works anywhere: no folder of the machine that it was written on."""
    here = Path(__file__)
    texts = {p: p.read_text(errors="replace") for p in _tracked() if p != here}
    assert {_name(p): found[0] for p, text in texts.items() if (found := MACHINE_PATH.search(text))} == {}


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=_name)
def test_locks_name_no_index(path: Path) -> None:
    """Packages come from where the user's pip is told to look; every one has hashes."""
    text = path.read_text()
    assert re.findall(r".*://.*|^\s*--(?!hash=).*", text, re.MULTILINE) == []
    pins = re.findall(r"^[a-z0-9-]+(?:\[[a-z,]+\])?==.*(?:\\\n.*)+", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^\w", text, re.MULTILINE))
    assert all("--hash=sha256:" in pin for pin in pins)


def test_locks_agree() -> None:
    """What users get is what was tested; that a tool of ours asks for an extra of it changes nothing of that."""
    runtime, dev = (
        set(re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("runtime.txt", "dev.txt")
    )
    assert runtime <= dev


def test_no_import_cycles() -> None:
    graph = grimp.build_graph("reknit", cache_dir=None)
    # It names all that is public, for type checkers; tests/unit/test_library.py: it loads nothing.
    graph.remove_module("reknit")
    assert list(_cycles(graph)) == []


def _cycles(graph: grimp.ImportGraph) -> Iterator[tuple[str, ...]]:
    for module in sorted(graph.modules):
        for imported in graph.find_modules_directly_imported_by(module):
            chain = graph.find_shortest_chain(imported, module)
            if chain:
                yield (module, *chain)


def _undocumented(node: ast.AST, owner: str) -> Iterator[str]:
    """Public classes, functions and methods without a docstring; methods whose base declares them are excused."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Definition) or child.name.startswith("_"):
            continue
        if ast.get_docstring(child) is None and not isinstance(node, ast.ClassDef):
            yield f"{owner}{child.name}"
        if isinstance(child, ast.ClassDef):
            yield from _undocumented(child, f"{owner}{child.name}.")


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_what_is_public_is_documented(path: Path) -> None:
    tree = _parse(path)
    missing = list(_undocumented(tree, ""))
    assert ast.get_docstring(tree), "the module has no docstring"
    assert missing == []


def test_every_room_is_on_the_map() -> None:
    """ARCHITECTURE.md draws the tree as it is."""
    drawn = set(re.findall(r"^      (\w+)(?:/|\.py) ", ARCHITECTURE.read_text(), re.MULTILINE)) - {"__init__"}
    built = {p.stem for p in SRC.iterdir() if (p / "__init__.py").is_file() or p.suffix == ".py"} - {"__init__"}
    assert drawn == built


class TestTheRulesThemselves:
    """Each rule can be broken."""

    def test_a_test_without_assert_is_seen(self) -> None:
        tree = ast.parse("def test_a():\n    f()\ndef test_b():\n    g()\ndef g():\n    assert 1\n")
        assert _asserting(tree) == {"test_b", "g"}

    @pytest.mark.parametrize("line", ["/ro" + "ot/x", "see /ho" + "me/jdoe/project", '"/ho' + 'me/ci7"'])
    def test_a_machine_path_is_seen(self, line: str) -> None:
        assert MACHINE_PATH.search(line)

    @pytest.mark.parametrize("line", ["/home/user/x", "self.root/x", "a/home/b", "~/.pyenv"])
    def test_other_paths_are_not(self, line: str) -> None:
        assert not MACHINE_PATH.search(line)

    def test_vague_names_are_seen(self) -> None:
        tree = ast.parse("class TreeManager: ...\ndef parse_utils(): ...\ndef commonest(): ...")
        assert [n for n in _defined(tree) if VAGUE.search(n)] == ["tree_manager", "parse_utils"]

    def test_a_broad_except_is_seen(self) -> None:
        tree = ast.parse("try: f()\nexcept (ValueError, Exception): g()\nexcept OSError: g()")
        assert [_is_broad(h) for h in ast.walk(tree) if isinstance(h, ast.ExceptHandler)] == [True, False]

    def test_a_missing_docstring_is_seen(self) -> None:
        tree = ast.parse("def a(): ...\ndef _b(): ...\nclass C:\n    '''C.'''\n    def m(self): ...\n")
        assert list(_undocumented(tree, "")) == ["a"]

    def test_length_leaves_the_docstring_out(self) -> None:
        (function,) = _functions(ast.parse('def f():\n    """One\n    two."""\n    a = 1\n    return a\n'))
        assert _length(function) == 3
