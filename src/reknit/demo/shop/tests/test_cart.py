import pytest

from shop.cart import Cart
from shop.catalog import Product

CUP = Product("CUP", "Cup", 800, 350)
POT = Product("POT", "Tea pot", 2490, 1200)


@pytest.fixture
def cart():
    return Cart()


def test_same_product_shares_a_line(cart):
    cart.add(CUP)
    cart.add(POT)
    cart.add(CUP, 2)
    assert [(line.product.sku, line.quantity) for line in cart.lines] == [("CUP", 3), ("POT", 1)]


def test_remove(cart):
    cart.add(CUP)
    cart.add(POT)
    cart.remove("CUP")
    cart.remove("KEY")
    assert [line.product.sku for line in cart.lines] == ["POT"]


def test_nothing_is_no_piece(cart):
    with pytest.raises(ValueError, match="at least one"):
        cart.add(CUP, 0)


def test_subtotal_and_weight(cart):
    cart.add(CUP, 3)
    cart.add(POT)
    assert (cart.subtotal(), cart.weight()) == (4890, 2250)


@pytest.mark.parametrize(("cups", "pots", "cost"), [(1, 0, 390), (2, 0, 390), (3, 0, 590), (0, 4, 590), (0, 5, 0)])
def test_shipping(cart, cups, pots, cost):
    for product, quantity in [(CUP, cups), (POT, pots)]:
        if quantity:
            cart.add(product, quantity)
    assert cart.shipping() == cost
