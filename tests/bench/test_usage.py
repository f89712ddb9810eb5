"""CPU time seen from outside."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from usage import cpu_seconds, parsed

STAT = "7 ({name}) S 3 7 7 0 -1 4194304 100 0 0 0 11 12 13 14 20 0 1 0 99 1000 10"
#: Burns 0.2 s in a child that it waits for and 0.2 s itself, says so, and lives on.
BUSY = """
import os, sys, time
def burn():
    while time.process_time() < 0.2: pass
if os.fork() == 0:
    burn(); os._exit(0)
os.wait(); burn()
print("done", flush=True); sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["python", "a b", "x) S 1 (y", "((("])
def test_a_name_may_hold_anything(name: str) -> None:
    assert parsed(STAT.format(name=name)) == (3, (11, 12, 13, 14))


def test_what_has_ended_says_nothing() -> None:
    assert parsed("") is None


def test_a_child_that_lives_counts_with_its_own_children() -> None:
    before = cpu_seconds()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = cpu_seconds() - before
        process.communicate()
    assert used >= 0.36  # two times 0.2 s, each read in steps of 10 ms
    assert cpu_seconds() - before >= 0.38  # and it still counts when it has ended


def test_time_that_passes_costs_nothing() -> None:
    before = cpu_seconds()
    time.sleep(0.2)
    assert cpu_seconds() - before < 0.15
