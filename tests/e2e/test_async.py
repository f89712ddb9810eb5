"""Async tests: test cases of the standard library, and coroutines that a conftest or a plug-in runs."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.machine import check_mended

QUEUE = b"""\
import asyncio


class Closed(Exception):
    pass


class Mailbox:
    \"\"\"Letters in order; `take` waits for one.\"\"\"

    def __init__(self, limit=3):
        self._letters = asyncio.Queue(limit)
        self._closed = False

    async def put(self, letter):
        if self._closed:
            raise Closed
        await self._letters.put(letter)

    async def take(self, seconds=0.05):
        return await asyncio.wait_for(self._letters.get(), seconds)

    def close(self):
        self._closed = True

    def __len__(self):
        return self._letters.qsize()
"""
RELAY = b"""\
import asyncio

from mail.box import Mailbox


async def relay(source, targets):
    \"\"\"Take one letter, and put it into every target.\"\"\"
    letter = await source.take()
    for target in targets:
        await target.put(letter.strip())
    return letter


async def drain(box):
    letters = []
    while len(box):
        letters.append(await box.take())
    return letters


async def gather(boxes):
    found = await asyncio.gather(*(drain(b) for b in boxes))
    return [letter for letters in found for letter in letters]
"""
ASYNC_CASE = b"""\
import asyncio
import unittest

from mail.box import Closed, Mailbox
from mail.relay import drain, gather, relay


class MailTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.box, self.copy = Mailbox(), Mailbox()
        await self.box.put(" first ")

    async def test_relay(self):
        self.assertEqual(await relay(self.box, [self.copy]), " first ")
        self.assertEqual(await drain(self.copy), ["first"])

    async def test_gather(self):
        await self.copy.put("second")
        self.assertEqual(await gather([self.box, self.copy]), [" first ", "second"])

    async def test_nothing_comes(self):
        with self.assertRaises(asyncio.TimeoutError):
            await self.copy.take(0.01)

    async def test_closed(self):
        self.box.close()
        with self.assertRaises(Closed):
            await self.box.put("late")
"""
ASYNC_HOOK = b"""\
import asyncio
import inspect

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{n: pyfuncitem.funcargs[n] for n in names}))
        return True
"""
ASYNC_FUNCTIONS = b"""\
import pytest

from mail.box import Mailbox
from mail.relay import drain, gather, relay


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_every_target_has_the_letter(count):
    source, targets = Mailbox(), [Mailbox() for _ in range(count)]
    await source.put("a")
    await relay(source, targets)
    assert [await drain(t) for t in targets] == [["a"]] * count


async def test_gather_nothing():
    assert await gather([]) == []


async def test_order():
    box = Mailbox()
    for letter in "abc":
        await box.put(letter)
    assert await drain(box) == ["a", "b", "c"]
"""


def test_async_test_cases_and_an_await_that_is_missing(tmp_path: Path) -> None:
    """A coroutine that nobody awaits warns where it is thrown away; the test sees only that nothing came."""
    files = {"mail/__init__.py": b"", "mail/box.py": QUEUE, "mail/relay.py": RELAY, "tests/test_mail.py": ASYNC_CASE}
    right, wrong = b"await target.put(", b"target.put("
    check_mended(tmp_path, files, "mail/relay.py", right=right, wrong=wrong, tests="1/4")


def test_async_functions_run_by_the_project_itself_and_the_wrong_attribute(tmp_path: Path) -> None:
    files = {
        "mail/__init__.py": b"",
        "mail/box.py": QUEUE,
        "mail/relay.py": RELAY,
        "conftest.py": ASYNC_HOOK,
        "tests/test_relay.py": ASYNC_FUNCTIONS,
    }
    right, wrong = b"self._letters.qsize()", b"self._letter.qsize()"
    check_mended(tmp_path, files, "mail/box.py", right=right, wrong=wrong, tests="3/5")
