"""Mistakes that people make and what undoes them: before → after, through one `check`."""

from __future__ import annotations

import ast
import re

import pytest

from reknit.lang.python import Source, functions, parse
from reknit.model.fault import Suspect
from reknit.propose.candidates import candidates

#: No fix of these small programs may be dearer than this, in nats.
DEAREST = 9.0

#: Mistake → (the right program, what is right in it, what stands there by mistake).
CASES: dict[str, tuple[str, str, str]] = {}


def case(mistake: str, fixed: str, right: str, wrong: str) -> None:
    assert fixed.count(right) == 1, mistake
    CASES[mistake] = (fixed, right, wrong)


BINARY = """
def find(xs, x):
    low, high = 0, len(xs) - 1
    while low <= high:
        mid = (low + high) // 2
        if xs[mid] == x:
            return mid
        elif xs[mid] < x:
            low = mid + 1
        else:
            high = mid - 1
    return -1
"""
case("bound excluded", BINARY, "low <= high", "low < high")
case("wrong direction", BINARY, "xs[mid] < x", "xs[mid] > x")
case("step forgotten", BINARY, "low = mid + 1", "low = mid")
case("last index", BINARY, "len(xs) - 1", "len(xs)")
case("float division", BINARY, "// 2", "/ 2")
case("index for value", BINARY, "return mid", "return xs[mid]")
case("wrong constant", BINARY, "return -1", "return 0")
case("parentheses", BINARY, "(low + high) // 2", "low + high // 2")
case("branches exchanged", BINARY, "xs[mid] == x", "xs[mid] != x")
case("nothing instead of a number", BINARY, "return -1", "return None")

COLLECT = """
def unique(items, key=None):
    seen = set()
    out = []
    for item in items:
        mark = key(item) if key is not None else item
        if mark in seen:
            continue
        seen.add(mark)
        out.append(item)
    return out
"""
case("inverted membership", COLLECT, "mark in seen", "mark not in seen")
case("loop left early", COLLECT, "continue", "break")
case("not remembered", COLLECT, "        seen.add(mark)\n", "")
case("not collected", COLLECT, "        out.append(item)\n", "")
case("wrong collection", COLLECT, "return out", "return seen")
case("wrong thing remembered", COLLECT, "seen.add(mark)", "seen.add(item)")
case("truth for None", COLLECT, "key is not None", "key")
case("arms exchanged", COLLECT, "key(item) if key is not None else item", "item if key is not None else key(item)")
case("result returned in the loop", COLLECT, "    return out", "        return out")
case("set for list", COLLECT, "return out", "return list(out)")
case("append and extend", COLLECT, "out.append", "out.extend")
case("iteration over a copy", COLLECT, "in items", "in list(items)")
case("sorted forgotten", COLLECT, "return out", "return sorted(out)")

TEXT = """
import re

WORD = re.compile(r"[a-z]+", re.IGNORECASE)
STOP = ("a", "the")


def slug(text, sep="-", limit=None):
    text = text.strip().lower()
    words = [w for w in WORD.findall(text) if w not in STOP]
    if limit is not None:
        words = words[:limit]
    return sep.join(words)
"""
case("strip forgotten", TEXT, "text.strip().lower()", "text.lower()")
case("one side stripped", TEXT, "text.strip()", "text.lstrip()")
case("quantifier", TEXT, "[a-z]+", "[a-z]*")
case("class member", TEXT, "[a-z]+", "[a-z-]+")
case("flag missing", TEXT, ", re.IGNORECASE", "")
case("anchor", TEXT, '"[a-z]+"', '"[a-z]+$"')
case("table entry too many", TEXT, '("a", "the")', '("a", "the", "-")')
case("default", TEXT, 'sep="-"', 'sep=""')
case("slice from the wrong end", TEXT, "words[:limit]", "words[limit:]")
case("slice off by one", TEXT, "words[:limit]", "words[:limit - 1]")
case("filter too many", TEXT, " if w not in STOP", "")
case("receiver and argument", TEXT, "sep.join(words)", "words.join(sep)")
case("zero taken for missing", TEXT, "limit is not None", "limit")

TREE = """
class Node:
    def __init__(self, value, left=None, right=None):
        self.value = value
        self.left = left
        self.right = right

    def insert(self, value):
        if value < self.value:
            if self.left is None:
                self.left = Node(value)
            else:
                self.left.insert(value)
        else:
            if self.right is None:
                self.right = Node(value)
            else:
                self.right.insert(value)

    def depth(self):
        left = self.left.depth() if self.left else 0
        right = self.right.depth() if self.right else 0
        return max(left, right) + 1
"""
case("self forgotten", TREE, "self.left = left", "left = left")
case("wrong attribute", TREE, "self.right = Node(value)", "self.left = Node(value)")
case("min and max", TREE, "max(left, right)", "min(left, right)")
case("own level forgotten", TREE, "max(left, right) + 1", "max(left, right)")
case("missing child", TREE, "self.left.depth() if self.left else 0", "self.left.depth()")
case("other branch", TREE, "self.right.insert(value)", "self.left.insert(value)")
case("wrong argument", TREE, "self.left.insert(value)", "self.left.insert(self.value)")
case("same side twice", TREE, "max(left, right)", "max(left, left)")

STORE = """
def total(orders, prices, discount=0, *, rates=None, strict=False):
    if rates is None:
        rates = {}
    result = 0
    for name, count in orders.items():
        price = prices.get(name, 0)
        rate = rates.get(name, 1)
        result += price * count * rate
    if discount:
        result = max(0, result - discount)
    return round(result, 2)


def invoice(orders, prices, strict=False):
    try:
        return str(total(orders, prices, strict=strict))
    except (KeyError, TypeError):
        return None
"""
case("sum overwritten", STORE, "result += price", "result = price")
case("lookup without default", STORE, "prices.get(name, 0)", "prices[name]")
case("default missing", STORE, "rates.get(name, 1)", "rates.get(name)")
case("keys for pairs", STORE, "orders.items()", "orders")
case("not below zero", STORE, "max(0, result - discount)", "result - discount")
case("sign", STORE, "result - discount", "result + discount")
case("keyword not forwarded", STORE, ", strict=strict", "")
case("exception not caught", STORE, "(KeyError, TypeError)", "KeyError")
case("conversion", STORE, "str(total(orders, prices, strict=strict))", "total(orders, prices, strict=strict)")
case("arguments exchanged", STORE, "(total(orders, prices, ", "(total(prices, orders, ")
case("not rounded", STORE, "round(result, 2)", "result")
case("shared default", STORE, "    if rates is None:\n        rates = {}\n", "")
case("factor forgotten", STORE, "price * count * rate", "price * count")
case("flag", STORE, "orders, prices, strict=False", "orders, prices, strict=True")
case("start value", STORE, "result = 0", "result = 1")

LINKED = """
def reverse(node):
    previous = None
    while node is not None:
        following = node.next
        node.next = previous
        previous = node
        node = following
    return previous


def walk(node, limit):
    if node is None or limit <= 0:
        return []
    return [node.value] + walk(node.next, limit - 1)


def pick(options, wanted):
    if not options:
        return None
    for index, option in enumerate(options):
        if option == wanted and option.active:
            return index
    return len(options)
"""
case("variable not updated", LINKED, "        previous = node\n", "")
case(
    "statements exchanged",
    LINKED,
    "node.next = previous\n        previous = node",
    "previous = node\n        node.next = previous",
)
case("half a condition", LINKED, "node is None or limit <= 0", "limit <= 0")
case("and for or", LINKED, "is None or limit", "is None and limit")
case("recursion without progress", LINKED, "limit - 1", "limit")
case("not a list", LINKED, "[node.value]", "node.value")
case("empty case", LINKED, "    if not options:\n        return None\n", "")
case("condition too wide", LINKED, "option == wanted and option.active", "option.active")
case("enumerate forgotten", LINKED, "enumerate(options)", "options")
case("wrong variable returned", LINKED, "return index", "return option")
case("wrong initial value", LINKED, "previous = None", "previous = node")


def place(text: str, fixed: str) -> tuple[int, int]:
    """First and last line that differ."""
    a, b = text.splitlines(), fixed.splitlines()
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    tail = next((i for i, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=False)) if x != y), 0)
    return head + 1, max(head + 1, len(a) - tail)


def squeezed(raw: bytes) -> bytes:
    """A text without what may differ between two spellings of one tree."""
    return re.sub(rb"[\s()'\",]", b"", raw)


def check(broken: str, fixed: str) -> int:
    """How many candidates it takes to get from `broken` to `fixed`, all lines of the functions concerned suspect."""
    source = parse("a.py", broken.encode())
    assert isinstance(source, Source)
    first, last = place(broken, fixed)
    near = [f for f in functions(source) if f.first_line <= last and (f.node.end_lineno or 0) >= first - 1]
    names = [(f.qualname, f.first_line, f.node.end_lineno or 0) for f in near] or [("<module>", first, last)]
    suspects = [
        Suspect(path="a.py", line=line, function=name, score=1.0, penalty=0.0, why="")
        for name, start, end in names
        for line in range(start, end + 1)
    ]
    wanted, likely = ast.dump(ast.parse(fixed)), squeezed(fixed.encode())
    for count, c in enumerate(candidates({"a.py": source}, suspects), start=1):
        if c.cost > DEAREST:
            break
        after = source.raw[: c.start] + c.new + source.raw[c.end :]
        if squeezed(after) == likely and ast.dump(ast.parse(after)) == wanted:
            return count
    return 0


@pytest.mark.parametrize("mistake", CASES)
def test_case(mistake: str) -> None:
    """The fix of a common mistake is proposed."""
    fixed, right, wrong = CASES[mistake]
    assert check(fixed.replace(right, wrong), fixed)
