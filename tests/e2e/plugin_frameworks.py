"""More projects that use a plug-in each: those for coroutines, and for Django; and all of them by name."""

from __future__ import annotations

from dataclasses import replace

from tests.e2e.plugin_projects import HYPOTHESIS, MOCK, RANDOMLY, RERUNS, Case, grades, search

BOX = b"""\
import asyncio


class Box:
    \"\"\"Letters in order, as many as `limit`.\"\"\"

    def __init__(self, limit):
        self.limit = limit
        self.letters = []

    async def put(self, letter):
        await asyncio.sleep(0)
        if len(self.letters) >= self.limit:
            raise OverflowError(letter)
        self.letters.append(letter)

    async def take(self):
        return self.letters.pop(0)
"""
BOX_TESTS = """\
import asyncio
import pytest
import pytest_asyncio
from box import Box


{fixture}
async def box():
    made = Box(2)
    await made.put("a")
    yield made
    assert asyncio.get_running_loop().is_running()


{mark}
async def test_full(box):
    await box.put("b")
    with pytest.raises(OverflowError):
        await box.put("c")


{mark}
async def test_order(box):
    await box.put("b")
    assert [await box.take(), await box.take()] == ["a", "b"]


{mark}
async def test_at_once(box):
    await asyncio.gather(box.put("b"), asyncio.sleep(0.001))
    assert len(box.letters) == 2


def test_plain():
    assert Box(1).letters == []
"""


def boxes(ini: str, fixture: str, mark: str) -> Case:
    """Coroutines, in one of the modes of pytest-asyncio."""
    return Case(
        plugin="asyncio",
        files={"box.py": BOX, "test_box.py": BOX_TESTS.format(fixture=fixture, mark=mark).encode()},
        path="box.py",
        function=("Box", "put"),
        right=">= self.limit",
        wrong="> self.limit",
        bad=("test_box.py::test_full",),
        total=4,
        ini=ini,
    )


RELAY = b"""\
import anyio


async def relay(values, pause=0):
    \"\"\"The values that are not negative, in order, over a stream.\"\"\"
    send, receive = anyio.create_memory_object_stream(len(values))
    async with send:
        for value in values:
            await anyio.sleep(pause)
            if value >= 0:
                await send.send(value)
    async with receive:
        return [value async for value in receive]
"""
RELAY_TESTS = b"""\
import anyio
import pytest
from relay import relay

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
async def values():
    await anyio.sleep(0)
    yield [3, 1]


async def test_zero():
    assert await relay([0, -1]) == [0]


async def test_order(values):
    assert await relay(values) == [3, 1]


async def test_in_a_group(values):
    async with anyio.create_task_group() as group:
        group.start_soon(relay, values)
        with anyio.fail_after(20):
            assert await relay(values) == values
"""
ANYIO = Case(
    plugin="anyio",
    files={"relay.py": RELAY, "test_relay.py": RELAY_TESTS},
    path="relay.py",
    function=("relay",),
    right="value >= 0",
    wrong="value > 0",
    bad=("test_relay.py::test_zero[asyncio]", "test_relay.py::test_zero[trio]"),
    total=6,
)

MODELS = b"""\
from django.db import models


class Item(models.Model):
    name = models.CharField(max_length=20, unique=True)
    pieces = models.IntegerField(default=0)

    def take(self, count):
        if count > self.pieces:
            raise ValueError(f"only {self.pieces} of {self.name}")
        self.pieces -= count
        self.save()
        return self.pieces


def scarce(limit=3):
    return sorted(i.name for i in Item.objects.filter(pieces__lt=limit))
"""
DJANGO_TESTS = b"""\
import pytest
from django.db import IntegrityError, transaction
from django.test import TestCase
from stock.models import Item, scarce


class Shelf(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.item = Item.objects.create(name="pen", pieces=5)

    def test_all(self):
        self.assertEqual(self.item.take(5), 0)
        self.assertEqual(Item.objects.get(name="pen").pieces, 0)

    def test_too_many(self):
        with self.assertRaises(ValueError):
            self.item.take(6)
        self.assertEqual(Item.objects.get(name="pen").pieces, 5)


@pytest.mark.django_db
def test_scarce():
    Item.objects.create(name="ink", pieces=2)
    Item.objects.create(name="pad", pieces=3)
    assert scarce() == ["ink"]


@pytest.mark.django_db
def test_unique():
    Item.objects.create(name="ink")
    with pytest.raises(IntegrityError), transaction.atomic():
        Item.objects.create(name="ink")
    assert Item.objects.count() == 1


def test_no_database():
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Item.objects.count()
"""
DJANGO = Case(
    plugin="django",
    files={
        "manage.py": b"import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n",
        "site_settings.py": b"SECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.contenttypes', 'stock']\n"
        b"DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\n",
        "stock/__init__.py": b"",
        "stock/models.py": MODELS,
        "tests/test_stock.py": DJANGO_TESTS,
    },
    path="stock/models.py",
    function=("Item", "take"),
    right="count > self",
    wrong="count >= self",
    bad=("tests/test_stock.py::Shelf::test_all",),
    total=5,
    no_direct="a test may have sub-tests",
    ini="DJANGO_SETTINGS_MODULE = site_settings",
)

DJANGO_FUNCTION = replace(
    DJANGO,
    function=("scarce",),
    right="pieces__lt=",
    wrong="pieces__lte=",
    bad=("tests/test_stock.py::test_scarce",),
    no_direct="",
)

CASES = {
    "mock": MOCK,
    "hypothesis": HYPOTHESIS,
    "timeout-signal": search("timeout = 1", ""),
    # Its limit for the whole run is over before the first test is.
    "timeout-thread": search("timeout_method = thread\nsession_timeout = 0.01", "@pytest.mark.timeout(1)"),
    "cov": grades("pytest_cov", "--cov=grades --cov-fail-under=100 --cov-report=term-missing"),
    "randomly": RANDOMLY,
    "asyncio-strict": boxes("", "@pytest_asyncio.fixture", "@pytest.mark.asyncio"),
    "asyncio-auto": boxes("asyncio_mode = auto", "@pytest.fixture", ""),
    "anyio": ANYIO,
    "django": DJANGO,
    "django-function": DJANGO_FUNCTION,
    "xdist": grades("xdist", "-n 2"),
    "xdist-loadfile": grades("xdist", "-n auto --dist loadfile"),
    "rerunfailures": RERUNS,
}
#: In one project: those that do and those that do not need much time for a mistake.
TOGETHER = {
    "most": ("mock", "cov", "randomly", "asyncio-strict", "anyio", "django"),
    "those that take long": ("hypothesis", "timeout-thread"),
}
INI = """\
addopts = -n 2 --dist loadfile --reruns 1 --cov=. --cov-fail-under=100
timeout = 60
timeout_method = thread
DJANGO_SETTINGS_MODULE = {settings}
"""
