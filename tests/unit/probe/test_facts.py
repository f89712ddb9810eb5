"""What the probe says of its interpreter."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from reknit.probe.facts import packages


def test_packages_are_those_that_the_standard_library_finds() -> None:
    known: dict[str, str] = {}
    for dist in importlib.metadata.distributions():
        known.setdefault(dist.metadata["Name"], dist.version)
    assert packages() == known
    assert known["pytest"] == pytest.__version__


def test_odd_metadata_is_read_as_far_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "a-1.dist-info/METADATA": "Metadata-Version: 2.1\nNAME: a\nVersion: 1\n\nName: not this\n",
        "b-1.dist-info/METADATA": "Name: b\n",
        "c-1.dist-info/METADATA": "",
        "d-1.dist-info/RECORD": "",
        "e.egg-info/PKG-INFO": "Name: e\nVersion:  2 \n",
        "f-3.egg-info": "Name: f\nVersion: 3\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert packages() == {"a": "1", "b": "", "e": "2", "f": "3"}
