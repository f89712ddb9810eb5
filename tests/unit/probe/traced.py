"""Small programs whose lines are traced, and that are never imported here."""

SIMPLE = """\
LIMIT = 2


def small(n):
    if n < LIMIT:
        return True
    return False


def total(numbers):
    result = 0
    for n in numbers:
        if small(n):
            continue
        result += n
    return result


class Box:
    size = 3

    def grow(self):
        self.size += 1
"""

RICH = """\
import contextlib
import threading


@contextlib.contextmanager
def opened(name):
    try:
        yield name
    finally:
        closed = True


def generate(n):
    for i in range(n):
        yield (
            i
            + 1
        )


def build(a, *, b=(1,
                   2)):
    with opened(a) as name:
        squares = [
            x * x
            for x in generate(3)
            if x != 2
        ]
        table = {
            "name": name,
            "squares": squares,
        }
    try:
        table["missing"]
    except KeyError:
        table["b"] = sum(
            b,
            start=1,
        )
    else:
        never = 1
    pick = lambda: (
        table
    )
    worker = threading.Thread(target=deep, args=(3,))
    worker.start()
    worker.join()
    while True:
        break
    return pick()


def deep(n):
    return n if n == 0 else deep(
        n - 1
    )


async def wait():
    return 4


async def outer():
    value = await wait()
    return value
"""
