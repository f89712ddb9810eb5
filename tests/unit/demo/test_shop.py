"""The sample project is broken exactly as meant: six mistakes are one edit from health, the seventh needs new logic."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import reknit.demo

#: File, wrong text, right text.
ONE_EDIT_FIXES = [
    ("src/shop/pricing.py", "quantity > 10", "quantity >= 10"),
    ("src/shop/catalog.py", "products[start : start + size - 1]", "products[start : start + size]"),
    ("src/shop/reports.py", "for order in orders) // len(paid)", "for order in paid) // len(paid)"),
    ("src/shop/customers.py", "customer.nickname.strip()", '(customer.nickname or "").strip()'),
    (
        "src/shop/stock.py",
        'to the shelf."""\n        move(self.shelf, self.depot, sku, count)',
        'to the shelf."""\n        move(self.depot, self.shelf, sku, count)',
    ),
    ("src/shop/orders.py", "order.paid or not order.cancelled", "order.paid and not order.cancelled"),
]
#: Failing test functions, in the order of the fixes above.
FAILING = [
    "tests/test_pricing.py::test_the_discount_begins_with_the_tenth_piece",
    "tests/test_catalog.py::test_full_page",
    "tests/test_reports.py::test_average_leaves_out_what_nobody_paid",
    "tests/test_customers.py::test_not_everybody_has_a_nickname",
    "tests/test_stock.py::test_refill_brings_pieces_to_the_shelf",
    "tests/test_orders.py::test_may_ship",
]
NEEDS_LOGIC = "tests/test_money.py::test_no_cent_is_lost"
LARGEST_REMAINDER = """\
    shares = [amount * weight // whole for weight in weights]
    by_loss = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % whole))
    for i in by_loss[: amount - sum(shares)]:
        shares[i] += 1
    return shares"""


def write(folder: Path, fixes: list[tuple[str, str, str]]) -> None:
    for name, content in reknit.demo.files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for name, wrong, right in fixes:
        text = (folder / name).read_text("utf-8")
        assert text.count(wrong) == 1, (name, wrong)
        (folder / name).write_text(text.replace(wrong, right), "utf-8")


def failing(folder: Path) -> set[str]:
    """Names of the test functions that fail, without parameters."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    argv = [sys.executable, "-B", "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[1].partition("[")[0] for words in lines if words[:1] in (["FAILED"], ["ERROR"])}


def test_each_mistake_fails_its_own_tests(tmp_path: Path) -> None:
    write(tmp_path, [])
    assert failing(tmp_path) == {*FAILING, NEEDS_LOGIC}


@pytest.mark.parametrize("left_out", range(len(ONE_EDIT_FIXES)))
def test_no_fix_heals_anothers_test(tmp_path: Path, left_out: int) -> None:
    write(tmp_path, [fix for i, fix in enumerate(ONE_EDIT_FIXES) if i != left_out])
    assert failing(tmp_path) == {FAILING[left_out], NEEDS_LOGIC}


def test_six_edits_leave_only_what_needs_logic(tmp_path: Path) -> None:
    write(tmp_path, ONE_EDIT_FIXES)
    assert failing(tmp_path) == {NEEDS_LOGIC}


def test_the_healthy_shop_passes(tmp_path: Path) -> None:
    wrong = "    return [amount * weight // whole for weight in weights]"
    write(tmp_path, [*ONE_EDIT_FIXES, ("src/shop/money.py", wrong, LARGEST_REMAINDER)])
    assert failing(tmp_path) == set()


def test_files_are_read_from_a_zipped_package(tmp_path: Path) -> None:
    package = Path(reknit.demo.__file__).parents[1]
    archive = tmp_path / "wheel.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("reknit/__init__.py", "")
        for path in (package / "demo").rglob("*"):
            if path.is_file():
                out.write(path, path.relative_to(package.parent).as_posix())
    code = "import reknit.demo as d; print(d.__file__, *(n for n, _ in d.files()), sep='\\n')"
    env = {**os.environ, "PYTHONPATH": str(archive)}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=env, capture_output=True, text=True, check=True)
    where, *names = done.stdout.splitlines()
    assert where.startswith(str(archive))
    assert names == [name for name, _ in reknit.demo.files()]
    assert {"pyproject.toml", "README.md", "src/shop/__init__.py", "tests/test_cart.py"} <= set(names)


def test_compiled_files_are_left_out() -> None:
    names = [name for name, _ in reknit.demo.files()]
    assert names == sorted(names, key=lambda name: name.split("/"))
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
