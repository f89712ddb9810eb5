from __future__ import annotations

import pytest

from toolbox.texts import Template, camel_to_snake, ellipsize, indent, ordinal, pluralize, slugify, table


@pytest.mark.parametrize(
    ("text", "expected"), [("Hello, World!", "hello-world"), ("Crème brûlée", "creme-brulee"), ("it's", "its")]
)
def test_slugify(text, expected):
    assert slugify(text) == expected


def test_slugify_cuts_at_words():
    assert slugify("one two three", longest=9) == "one-two"
    assert slugify("incomprehensible", longest=5) == "incom"


@pytest.mark.parametrize(
    ("name", "expected"), [("HTTPServerName2", "http_server_name_2"), ("simple", "simple"), ("getX", "get_x")]
)
def test_camel_to_snake(name, expected):
    assert camel_to_snake(name) == expected


def test_ordinal():
    numbers = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111]
    assert " ".join(map(ordinal, numbers)) == "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th"


@pytest.mark.parametrize(
    ("word", "expected"),
    [("cat", "cats"), ("Box", "Boxes"), ("city", "cities"), ("day", "days"), ("child", "children"), ("DISH", "DISHES")],
)
def test_pluralize(word, expected):
    assert pluralize(word) == expected
    assert pluralize(word, 1) == word


def test_ellipsize():
    assert ellipsize("short", 10) == "short"
    assert ellipsize("a long sentence", 7) == "a long…"
    assert ellipsize("a long sentence", 8, where="start") == "…entence"
    assert ellipsize("abcdefghij", 6, where="middle") == "abc…ij"
    assert ellipsize("abcdef", 2, mark="...") == ".."


def test_indent():
    assert indent("  one\n\n  two\n", "> ", first="* ") == "* one\n\n> two"


class TestTable:
    def test_columns_are_as_wide_as_needed(self):
        assert table([("apple", 1), ("fig", 20)], ("name", "count")) == (
            "name   count\n-----  -----\napple      1\nfig       20"
        )

    def test_floats_have_two_digits(self):
        assert table([("a", 1.5), ("bb", 10.25)]) == "a    1.50\nbb  10.25"


class TestTemplate:
    def test_fields_are_replaced(self):
        assert Template("{a} and {b|upper}, {{c}}").render({"a": 1}, b="two") == "1 and TWO, {c}"

    def test_missing_fields_are_named(self):
        with pytest.raises(KeyError, match="x, y"):
            Template("{x}{y}{x}").render()
