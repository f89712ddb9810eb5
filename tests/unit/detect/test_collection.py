"""Of what pytest says of a module that it cannot import, what helps is kept."""

from __future__ import annotations

import pytest

from reknit.detect.collection import because, not_collected

SYNTAX = """\
../venv/lib/python3.11/site-packages/_pytest/python.py:528: in importtestmodule
    mod = import_path(
<frozen importlib._bootstrap>:1204: in _gcd_import
    ???
tests/test_a.py:1: in <module>
    from calc import clamp
/opt/reknit/probe/sources.py:69: in get_code
    return loader.source_to_code(data)
E     File "/home/me/calc.py", line 9
E       def first(items:
E                ^
E   SyntaxError: '(' was never closed
"""
IMPORT = """\
ImportError while importing test module '/home/me/tests/test_a.py'.
Traceback:
tests/test_a.py:1: in <module>
    import nowhere
E   ModuleNotFoundError: No module named 'nowhere'
"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SYNTAX, "SyntaxError: '(' was never closed in /home/me/calc.py, line 9"),
        (IMPORT, "ModuleNotFoundError: No module named 'nowhere'"),
        ("E   SyntaxError: source code string cannot contain null bytes", "SyntaxError: source code string cannot contain null bytes"),
        ("collected by a plug-in that\ngave up\n\n", "gave up"),
        ("", "no reason was given"),
    ],
    ids=["syntax", "import", "no place", "free text", "nothing"],
)  # fmt: skip
def test_because(text: str, why: str) -> None:
    assert because(text) == why


def test_the_machinery_of_imports_is_left_out() -> None:
    error = not_collected([("tests/test_a.py", SYNTAX), ("tests/test_b.py", IMPORT)])
    head, *lines = error.message.splitlines()
    assert head.startswith("tests/test_a.py and 1 more could not be collected (SyntaxError: '(' was never closed in ")
    assert lines[:2] == ["tests/test_a.py:1: in <module>", "    from calc import clamp"]
    assert all(line.startswith("E  ") for line in lines[2:])
    assert error.hint is not None
    assert "mend the syntax" in error.hint


def test_a_module_to_leave_out_is_named() -> None:
    hint = not_collected([("tests/test_a.py", IMPORT)]).hint
    assert hint is not None
    assert hint.endswith("`reknit heal -- --ignore tests/test_a.py`")
