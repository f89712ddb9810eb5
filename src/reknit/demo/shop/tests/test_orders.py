import pytest

from shop.orders import Order, cancel, may_cancel, may_ship


@pytest.mark.parametrize(
    ("paid", "cancelled", "expected"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_may_ship(paid, cancelled, expected):
    assert may_ship(Order(1, 990, paid=paid, cancelled=cancelled)) is expected


@pytest.mark.parametrize(
    ("shipped", "cancelled", "expected"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
def test_may_cancel(shipped, cancelled, expected):
    assert may_cancel(Order(1, 990, shipped=shipped, cancelled=cancelled)) is expected


@pytest.mark.parametrize(("paid", "refund"), [(True, 990), (False, 0)])
def test_cancel_pays_back(paid, refund):
    order = Order(1, 990, paid=paid)
    assert cancel(order) == refund
    assert order.cancelled


def test_cancel_once():
    order = Order(7, 990, cancelled=True)
    with pytest.raises(ValueError, match="order 7"):
        cancel(order)
