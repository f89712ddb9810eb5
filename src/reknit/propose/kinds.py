"""What an expression evaluates to, as far as its text tells: a guess that orders ingredients and never decides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

INT, FLOAT, STR, BYTES, BOOL, LIST, DICT, SET, TUPLE, NONE = (
    "int", "float", "str", "bytes", "bool", "list", "dict", "set", "tuple", "none",
)  # fmt: skip
NUMBERS = frozenset({INT, FLOAT})
SEQUENCES = frozenset({STR, BYTES, LIST, TUPLE})
CONTAINERS = SEQUENCES | {DICT, SET}

_CALLS = {
    "len": INT, "int": INT, "ord": INT, "sum": INT, "hash": INT, "round": INT, "float": FLOAT, "str": STR, "repr": STR,
    "chr": STR, "hex": STR, "bin": STR, "format": STR, "bytes": BYTES, "bool": BOOL, "isinstance": BOOL, "any": BOOL,
    "all": BOOL, "hasattr": BOOL, "callable": BOOL, "issubclass": BOOL, "list": LIST, "sorted": LIST, "dict": DICT,
    "set": SET, "frozenset": SET, "tuple": TUPLE,
}  # fmt: skip
_RESULTS = {
    STR: "strip lstrip rstrip lower upper title capitalize casefold swapcase replace join format expandtabs "
    "ljust rjust center zfill removeprefix removesuffix decode translate",
    LIST: "split rsplit splitlines findall readlines",
    INT: "find rfind index rindex count bit_length",
    BOOL: "startswith endswith isdigit isalpha isalnum isspace islower isupper isidentifier exists is_file is_dir",
    BYTES: "encode",
}
_RECEIVERS = {
    LIST: "append extend insert sort reverse",
    SET: "add discard difference_update",
    DICT: "items keys values setdefault",
    STR: "strip lstrip rstrip lower upper split rsplit splitlines startswith endswith encode format join isdigit title",
    BYTES: "decode",
}
_METHODS = {name: kind for kind, names in _RESULTS.items() for name in names.split()}
_OWNERS = {name: kind for kind, names in _RECEIVERS.items() for name in names.split()}
_DISPLAYS: dict[type[ast.AST], str] = {
    ast.List: LIST, ast.ListComp: LIST, ast.Dict: DICT, ast.DictComp: DICT, ast.Set: SET, ast.SetComp: SET,
    ast.Tuple: TUPLE, ast.JoinedStr: STR, ast.Compare: BOOL,
}  # fmt: skip
_ANNOTATIONS = {"int", "float", "str", "bytes", "bool", "list", "dict", "set", "tuple"}


def kind_of(node: ast.AST | None, names: dict[str, str]) -> str:
    """The kind of a value; "" where the text does not tell."""
    match node:
        case ast.Constant(value=value):
            return "none" if value is None else type(value).__name__
        case ast.Name(id=id_):
            return names.get(id_, "")
        case ast.Call(func=ast.Name(id=id_)):
            return _CALLS.get(id_, "")
        case ast.Call(func=ast.Attribute(attr=attr)):
            return _METHODS.get(attr, "")
        case ast.BinOp():
            return _arithmetic(node, names)
        case ast.UnaryOp(op=op, operand=operand):
            return BOOL if isinstance(op, ast.Not) else kind_of(operand, names)
        case ast.Subscript(value=value, slice=index):
            outer = kind_of(value, names)
            return outer if isinstance(index, ast.Slice) or outer == STR else ""
        case ast.IfExp(body=body, orelse=orelse):
            return kind_of(body, names) or kind_of(orelse, names)
        case None:
            return ""
        case _:
            return _DISPLAYS.get(type(node), "")


def _arithmetic(node: ast.BinOp, names: dict[str, str]) -> str:
    left, right = kind_of(node.left, names), kind_of(node.right, names)
    if isinstance(node.op, (ast.Add, ast.Mult, ast.Mod)):
        for kind in (STR, BYTES, LIST, TUPLE):
            if kind in {left, right} and not (kind in {LIST, TUPLE} and isinstance(node.op, ast.Mod)):
                return kind
    if isinstance(node.op, ast.Div):
        return FLOAT if {left, right} & NUMBERS else ""
    if left == right or INT in {left, right}:
        return left if left == right else INT
    return ""


def name_kinds(root: ast.AST) -> dict[str, str]:
    """Kinds of the names in a function, by what is assigned to them first, then by how they are used."""
    kinds: dict[str, str] = {}
    for id_, kind in (*_annotated(root), *_assigned(root, kinds), *_used(root)):
        if kind and kind != NONE:
            kinds.setdefault(id_, kind)
    return kinds


def _annotated(root: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(root):
        if isinstance(node, ast.arg) and node.annotation is not None:
            text = ast.unparse(node.annotation).split("[")[0].lower()
            yield node.arg, text if text in _ANNOTATIONS else ""


def _assigned(root: ast.AST, kinds: dict[str, str]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(root):
        match node:
            case ast.Assign(targets=[ast.Name(id=id_)], value=value):
                yield id_, kind_of(value, kinds)
            case ast.For(target=target, iter=ast.Call(func=ast.Name(id="range" | "enumerate"))):
                first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
                if isinstance(first, ast.Name):
                    yield first.id, INT
            case ast.comprehension(target=ast.Name(id=id_), iter=ast.Call(func=ast.Name(id="range"))):
                yield id_, INT
            case ast.AugAssign(target=ast.Name(id=id_), value=value):
                yield id_, kind_of(value, kinds)
            case _:
                pass


def _used(root: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(root):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=id_), attr=attr)):
                yield id_, _OWNERS.get(attr, "")
            case ast.Call(func=ast.Name(id="range"), args=args):
                yield from ((a.id, INT) for a in args if isinstance(a, ast.Name))
            case ast.Compare(left=ast.Name(id=id_), comparators=[ast.Constant(value=value)]):
                yield id_, type(value).__name__
            case _:
                pass
