import pytest

from shop.pricing import line_price, quantity_discount, redeem


@pytest.mark.parametrize(("quantity", "percent"), [(1, 0), (9, 0), (11, 5), (49, 5), (50, 12), (51, 12), (400, 12)])
def test_quantity_discount(quantity, percent):
    assert quantity_discount(quantity) == percent


def test_the_discount_begins_with_the_tenth_piece():
    assert quantity_discount(10) == 5


@pytest.mark.parametrize(("price", "quantity", "total"), [(100, 2, 200), (100, 20, 1900), (99, 60, 5227)])
def test_line_price(price, quantity, total):
    assert line_price(price, quantity) == total


@pytest.mark.parametrize(("total", "coupon", "due"), [(1000, 300, 700), (300, 300, 0), (200, 300, 0)])
def test_redeem(total, coupon, due):
    assert redeem(total, coupon) == due
