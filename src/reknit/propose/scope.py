"""Ingredients: what a place in the code can see, nearest first.

A `Module` holds what one file offers everywhere, a `Scope` what one function (or the code that runs at import) adds.
Everything is found once and kept; the trees are never changed.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

from reknit.lang.python import Function, FunctionNode, Source, functions
from reknit.propose.hints import Hints
from reknit.propose.kinds import CONTAINERS, kind_of, name_kinds

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LARGEST = 14
#: Rank of the last ingredient that is worth a try.
_NEAREST = 24


class Ingredient(NamedTuple):
    """An expression that can stand elsewhere, and what that costs in nats."""

    expr: ast.expr
    cost: float


class Module:
    """What one file offers to all of its functions."""

    def __init__(self, source: Source, hints: Hints) -> None:
        self.source = source
        self.hints = hints
        self.functions = functions(source)

    @functools.cached_property
    def arities(self) -> dict[str, range]:
        """Functions of the module by name, with how many positional arguments they take."""
        return {
            n.name: arity(n) for n in self.source.tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
        }

    @functools.cached_property
    def globals(self) -> dict[str, str]:
        """Names bound at module level: name → function, class, import or value."""
        found: dict[str, str] = {}
        for node in self.source.tree.body:
            if isinstance(node, _DEFINITIONS):
                found[node.name] = "class" if isinstance(node, ast.ClassDef) else "function"
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found.update({(a.asname or a.name).split(".")[0]: "import" for a in node.names})
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update({t.id: "value" for t in targets if isinstance(t, ast.Name)})
        return found

    @functools.cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the containers that the module defines at its top."""
        found = []
        for node in self.source.tree.body:
            if isinstance(node, ast.Assign) and kind_of(node.value, {}) in CONTAINERS:
                found += [t.id for t in node.targets if isinstance(t, ast.Name) and not t.id.startswith("__")]
        return tuple(dict.fromkeys(found))

    @functools.cached_property
    def attributes(self) -> dict[str, dict[str, int]]:
        """Attributes by the text of what they are taken from: base → attribute → times seen."""
        found: dict[str, dict[str, int]] = {}
        for node in self.source.links:
            if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
                counts = found.setdefault(ast.unparse(node.value), {})
                counts[node.attr] = counts.get(node.attr, 0) + 1
        return found

    @functools.cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """Calls with keywords by the last part of the callee's name."""
        found: dict[str, list[ast.Call]] = {}
        for node in self.source.links:
            if isinstance(node, ast.Call) and node.keywords:
                callee = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                found.setdefault(callee, []).append(node)
        return found

    @functools.cached_property
    def exceptions(self) -> tuple[str, ...]:
        """Names in this module that look like exceptions, in order of appearance."""
        found = (n.id for n in ast.walk(self.source.tree) if isinstance(n, ast.Name) and n.id[:1].isupper())
        return tuple(dict.fromkeys(n for n in found if n.endswith(("Error", "Exception", "Warning"))))

    def methods(self, cls: ast.ClassDef) -> dict[str, FunctionNode]:
        """The methods of a class."""
        return {n.name: n for n in cls.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}


class Scope:
    """What one function, or the code that runs at import, offers."""

    def __init__(self, module: Module, function: Function | None) -> None:
        self.module = module
        self.function = function
        self.hints = module.hints
        self.root: ast.AST = function.node if function else module.source.tree
        self._near: dict[int, list[Ingredient]] = {}

    def parent(self, node: ast.AST) -> ast.AST:
        """The node around `node`."""
        link = self.module.source.links.get(node)
        return link.parent if link else self.module.source.tree

    def field(self, node: ast.AST) -> str:
        """The field of its parent that `node` stands in."""
        return self.module.source.links[node].field

    def siblings(self, node: ast.stmt) -> tuple[list[ast.stmt], int]:
        """The block that a statement stands in, and its place there."""
        link = self.module.source.links[node]
        return getattr(link.parent, link.field), link.position

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around `node` from the inside out, up to the function."""
        while node is not self.root:
            node = self.parent(node)
            yield node
            if isinstance(node, ast.Module):
                return

    def in_loop(self, node: ast.AST) -> bool:
        """Whether `break` and `continue` mean something here."""
        for outer in self.around(node):
            if isinstance(outer, (ast.For, ast.AsyncFor, ast.While)):
                return True
            if isinstance(outer, _DEFINITIONS):
                return False
        return False

    @functools.cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """The function's nodes in order; at module level only those outside functions; nothing inside f-strings."""
        return tuple(_inside(self.root, deep=self.function is not None))

    @functools.cached_property
    def parameters(self) -> tuple[str, ...]:
        """Own parameters and those of the functions around."""
        if self.function is None:
            return ()
        a = self.function.node.args
        own = [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
        return tuple(dict.fromkeys(own + [x.arg for x in (a.vararg, a.kwarg) if x]))

    @functools.cached_property
    def kinds(self) -> dict[str, str]:
        """Kinds of the local names, as far as known."""
        return name_kinds(self.root if self.function else ast.Module(body=[], type_ignores=[]))

    def kind(self, node: ast.AST | None) -> str:
        """The kind of an expression, "" where unknown."""
        return kind_of(node, self.kinds)

    @functools.cached_property
    def locals(self) -> dict[str, list[int]]:
        """Names bound in the function or the functions around it, with the lines where they stand."""
        found: dict[str, list[int]] = {}
        top = self.function.top.node if self.function else None
        nodes = tuple(ast.walk(top)) if top else self.nodes
        for node in nodes:
            if isinstance(node, ast.arg):
                found.setdefault(node.arg, []).append(node.lineno)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.setdefault(node.id, []).append(node.lineno)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node is not top:
                found.setdefault(node.name, []).append(node.lineno)
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in found:
                found[node.id].append(node.lineno)
        return found

    @functools.cached_property
    def called(self) -> frozenset[str]:
        """Names that are only ever called here: no values."""
        calls = {id(n.func) for n in self.nodes if isinstance(n, ast.Call)}
        loads = [n for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
        others = {n.id for n in loads if id(n) not in calls}
        return frozenset({n.id for n in loads if id(n) in calls} - others)

    def names(self, line: int) -> list[Ingredient]:
        """Local names that hold values, nearest first."""
        return [i for i in self.values(line) if isinstance(i.expr, ast.Name)]

    def values(self, line: int) -> list[Ingredient]:
        """Local names and attributes seen in the function, nearest first."""
        if line not in self._near:
            near = [(min(abs(at - line) for at in lines), text) for text, lines in self._places.items()]
            near.sort()
            self._near[line] = [
                Ingredient(_dotted(text), math.log(1 + rank)) for rank, (_, text) in enumerate(near[:_NEAREST])
            ]
        return self._near[line]

    @functools.cached_property
    def _places(self) -> dict[str, list[int]]:
        found = {n: lines for n, lines in self.locals.items() if n not in self.called and n != "_"}
        found.pop("self", None)
        found.pop("cls", None)
        for node in self.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and self._is_value(node):
                found.setdefault(f"{node.value.id}.{node.attr}", []).append(node.lineno)
        return found

    @functools.cached_property
    def members(self) -> tuple[ast.expr, ...]:
        """Attributes of `self` that other methods of the module use and this function does not."""
        if not {"self", "cls"} & set(self.locals):
            return ()
        own = "self" if "self" in self.locals else "cls"
        methods = self.module.methods(self.function.cls) if self.function and self.function.cls else {}
        seen = self.module.attributes.get(own, {})
        order = sorted(
            (a for a in seen if a not in methods and f"{own}.{a}" not in self._places), key=lambda a: (-seen[a], a)
        )
        return tuple(_dotted(f"{own}.{a}") for a in order[:_NEAREST])

    def _is_value(self, node: ast.Attribute) -> bool:
        parent = self.parent(node)
        return not (isinstance(parent, ast.Call) and parent.func is node)

    @functools.cached_property
    def expressions(self) -> tuple[ast.expr, ...]:
        """Distinct composite expressions of the function, small enough to stand elsewhere."""
        found: dict[str, ast.expr] = {}
        for node in self.nodes:
            if isinstance(node, _COMPOSITE) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                dump = ast.dump(node)
                if dump.count("(") <= 2 * _LARGEST:
                    found.setdefault(dump, node)
        return tuple(found.values())

    @functools.cached_property
    def conditions(self) -> tuple[ast.expr, ...]:
        """Distinct conditions of the function, the parts of `and` and `or` included."""
        found: dict[str, ast.expr] = {}
        for node in self.nodes:
            test = getattr(node, "test", None)
            if isinstance(test, ast.expr):
                parts = test.values if isinstance(test, ast.BoolOp) else []
                for part in (test, *parts):
                    found.setdefault(ast.dump(part), part)
        return tuple(found.values())

    @functools.cached_property
    def returned(self) -> tuple[ast.expr, ...]:
        """Distinct values that the function returns or yields."""
        found: dict[str, ast.expr] = {}
        for node in self.nodes:
            if isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
                found.setdefault(ast.dump(node.value), node.value)
        return tuple(found.values())

    @functools.cached_property
    def constants(self) -> tuple[object, ...]:
        """Distinct literals of the function."""
        nodes = [n for n in self.nodes if isinstance(n, ast.Constant)]
        return tuple(v for _, v in dict.fromkeys((type(n.value), n.value) for n in nodes))

    def near(self, pool: tuple[ast.expr, ...], line: int, limit: int = _NEAREST) -> list[Ingredient]:
        """The nearest expressions of a pool with log-rank costs."""
        ordered = sorted(enumerate(pool), key=lambda pair: (abs(pair[1].lineno - line), pair[0]))
        return [Ingredient(expr, math.log(1 + rank)) for rank, (_, expr) in enumerate(ordered[:limit])]

    def callables(self) -> dict[str, range]:
        """Functions that can be called by name here, with how many positional arguments they take."""
        found = dict(self.module.arities)
        for node in self.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node is not self.root:
                found[node.name] = arity(node)
        if self.function and self.function.cls is None:
            found[self.function.node.name] = arity(self.function.node)
        return found


_COMPOSITE = (
    ast.Attribute, ast.Subscript, ast.Call, ast.BinOp, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Tuple, ast.List,
    ast.IfExp, ast.ListComp, ast.Dict, ast.Set,
)  # fmt: skip


def _inside(root: ast.AST, *, deep: bool) -> Iterator[ast.AST]:
    yield root
    for child in ast.iter_child_nodes(root):
        if isinstance(child, (ast.JoinedStr, ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)):
            if isinstance(child, ast.JoinedStr):
                yield child
        elif deep or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _inside(child, deep=deep)


def _dotted(text: str) -> ast.expr:
    base, *attrs = text.split(".")
    node: ast.expr = ast.Name(id=base, ctx=ast.Load())
    for attr in attrs:
        node = ast.Attribute(value=node, attr=attr, ctx=ast.Load())
    return node


def arity(node: FunctionNode) -> range:
    """How many positional arguments a function takes, `self` included."""
    most = len(node.args.posonlyargs) + len(node.args.args)
    return range(most - len(node.args.defaults), 100 if node.args.vararg else most + 1)
