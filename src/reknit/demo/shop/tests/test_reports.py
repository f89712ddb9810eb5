from shop.orders import Order
from shop.reports import average_paid, best, turnover

ORDERS = [
    Order(1, 1000, paid=True),
    Order(2, 7000),
    Order(3, 2501, paid=True),
    Order(4, 400, paid=True, cancelled=True),
    Order(5, 7000, cancelled=True),
]


def test_turnover():
    assert turnover(ORDERS) == 3501
    assert turnover([]) == 0


def test_average_leaves_out_what_nobody_paid():
    assert average_paid(ORDERS) == 1300
    assert average_paid(ORDERS[:2]) == 1000
    assert average_paid(ORDERS[1:3]) == 2501


def test_average_of_paid_orders():
    assert average_paid([ORDERS[0], ORDERS[2]]) == 1750
    assert average_paid([ORDERS[2]]) == 2501


def test_average_of_nothing():
    assert average_paid([]) == 0
    assert average_paid([ORDERS[1]]) == 0


def test_best():
    assert best(ORDERS, 3) == [2, 5, 3]
    assert best(ORDERS, 0) == []
