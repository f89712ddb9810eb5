import pytest

from shop.catalog import Product, page, page_count, search

TEA = [
    Product("T1", "Green tea", 450),
    Product("T2", "Black tea", 390),
    Product("T3", "Mint tea", 350),
    Product("C1", "Black coffee", 790),
    Product("C2", "Green coffee", 890),
    Product("P1", "Tea pot", 2490),
    Product("P2", "Black tea pot", 2990),
]


def skus(products):
    return [product.sku for product in products]


@pytest.mark.parametrize(
    ("number", "size", "expected"),
    [
        (1, 3, ["T1", "T2", "T3"]),
        (2, 3, ["C1", "C2", "P1"]),
        (2, 5, ["P1", "P2"]),
        (4, 1, ["C1"]),
        (1, 7, ["T1", "T2", "T3", "C1", "C2", "P1", "P2"]),
    ],
)
def test_full_page(number, size, expected):
    assert skus(page(TEA, number, size)) == expected


def test_last_page_is_shorter():
    assert skus(page(TEA, 3, 3)) == ["P2"]


def test_page_behind_the_last_is_empty():
    assert page(TEA, 4, 3) == []


def test_there_is_no_page_zero():
    with pytest.raises(ValueError, match="counted from 1"):
        page(TEA, 0, 3)


@pytest.mark.parametrize(("size", "pages"), [(3, 3), (7, 1), (8, 1), (1, 7)])
def test_page_count(size, pages):
    assert page_count(TEA, size) == pages


def test_search_takes_words_in_any_order():
    assert skus(search(TEA, "TEA black")) == ["T2", "P2"]
    assert search(TEA, "cocoa") == []
