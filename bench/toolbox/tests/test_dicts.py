from __future__ import annotations

import pytest

from toolbox.dicts import Counts, FrozenDict, MultiDict, OneToOne, deep_get, deep_merge


@pytest.fixture
def config():
    return {"server": {"hosts": ["a", "b"], "port": 80}, "debug": False}


def test_frozen_dicts_have_a_hash():
    first, second = FrozenDict(a=1, b=2), FrozenDict({"b": 2, "a": 1})
    assert first == second
    assert hash(first) == hash(second)
    assert first.updated(b=3)["b"] == 3
    assert len({first, second}) == 1


def test_one_to_one_keeps_both_ways():
    pairs = OneToOne({"a": 1, "b": 2})
    pairs["c"] = 1
    assert dict(pairs) == {"b": 2, "c": 1}
    assert pairs.inverse == {2: "b", 1: "c"}
    pairs["b"] = 3
    del pairs["c"]
    assert pairs.inverse == {3: "b"}


def test_multi_dict():
    many = MultiDict([("a", 1), ("b", 2), ("a", 3)])
    assert many["a"] == 3
    assert many.all("a") == [1, 3]
    assert many.all("z") == []
    assert list(many.pairs()) == [("a", 1), ("a", 3), ("b", 2)]
    assert many.inverted()[2] == "b"


class TestCounts:
    def test_most_frequent_first(self):
        assert Counts("abracadabra").most(2) == [("a", 5), ("b", 2)]

    def test_nothing_is_forgotten(self):
        counts = Counts("aab")
        assert counts.add("b", -1) == 0
        assert counts == {"a": 2}
        assert counts["z"] == 0

    def test_share(self):
        assert Counts("aab").share("a") == pytest.approx(2 / 3)
        assert Counts().share("a") == 0.0


@pytest.mark.parametrize(("path", "expected"), [("debug", False), ("server.port", 80), ("server.hosts.1", "b")])
def test_deep_get(config, path, expected):
    assert deep_get(config, path) == expected


def test_deep_get_says_how_far_it_got(config):
    assert deep_get(config, "server.nothing", None) is None
    with pytest.raises(KeyError, match="no '7' in server.hosts"):
        deep_get(config, "server.hosts.7")


def test_deep_merge(config):
    merged = deep_merge(config, {"server": {"port": 81}}, {"debug": True})
    assert merged == {"server": {"hosts": ["a", "b"], "port": 81}, "debug": True}
    assert config["server"]["port"] == 80
    assert deep_merge({"l": [1]}, {"l": [2]}, lists="extend") == {"l": [1, 2]}
