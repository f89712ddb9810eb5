import pytest

from shop.stock import OutOfStock, Stock


@pytest.fixture
def stock():
    return Stock(shelf={"CUP": 3, "POT": 1}, depot={"CUP": 40, "JAR": 6})


def test_refill_brings_pieces_to_the_shelf(stock):
    stock.refill("CUP", 20)
    stock.refill("JAR", 6)
    assert stock.shelf == {"CUP": 23, "POT": 1, "JAR": 6}
    assert stock.depot == {"CUP": 20, "JAR": 0}


def test_refill_needs_pieces_in_the_depot(stock):
    with pytest.raises(OutOfStock):
        stock.refill("POT", 2)
    assert stock.available("POT") == 1


def test_put_away(stock):
    stock.put_away("CUP", 2)
    stock.put_away("POT", 1)
    assert stock.shelf == {"CUP": 1, "POT": 0}
    assert stock.depot == {"CUP": 42, "JAR": 6, "POT": 1}


def test_sell(stock):
    stock.sell("CUP", 3)
    assert stock.available("CUP") == 40
    with pytest.raises(OutOfStock):
        stock.sell("CUP", 1)


def test_available_counts_both_places(stock):
    assert [stock.available(sku) for sku in ("CUP", "POT", "JAR", "KEY")] == [43, 1, 6, 0]
