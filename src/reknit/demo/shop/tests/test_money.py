import pytest

from shop.money import allocate, percent_of, show


@pytest.mark.parametrize(("amount", "percent", "part"), [(1000, 19, 190), (50, 5, 3), (49, 5, 2), (999, 0, 0)])
def test_percent_of(amount, percent, part):
    assert percent_of(amount, percent) == part


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (200, [1, 1, 1], [67, 67, 66]),
        (100, [199, 301, 500], [20, 30, 50]),
        (99, [10, 30, 60], [10, 30, 59]),
        (5, [3, 3, 3, 2], [2, 1, 1, 1]),
        (7, [0, 2, 3], [0, 3, 4]),
    ],
)
def test_no_cent_is_lost(amount, weights, shares):
    assert allocate(amount, weights) == shares


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [(100, [1, 1], [50, 50]), (90, [1, 2, 6], [10, 20, 60]), (0, [3, 4], [0, 0]), (7, [5], [7])],
)
def test_even_shares(amount, weights, shares):
    assert allocate(amount, weights) == shares


def test_split_by_nothing():
    with pytest.raises(ValueError, match="nothing to split by"):
        allocate(100, [])


@pytest.mark.parametrize(("amount", "text"), [(123456, "1,234.56 €"), (5, "0.05 €"), (-250, "-2.50 €"), (0, "0.00 €")])
def test_show(amount, text):
    assert show(amount) == text
