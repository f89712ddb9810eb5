"""What the shop sells, and how visitors browse it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """Something to buy."""

    sku: str
    name: str
    #: Cents a piece.
    price: int
    #: Grams a piece.
    weight: int = 0


def search(products: list[Product], words: str) -> list[Product]:
    """Products whose name has every one of the words, in any order and case."""
    wanted = words.lower().split()
    return [product for product in products if all(word in product.name.lower() for word in wanted)]


def page(products: list[Product], number: int, size: int) -> list[Product]:
    """Page `number`, counted from 1, of `size` products; the last page may be shorter."""
    if number < 1 or size < 1:
        raise ValueError("pages are counted from 1")
    start = (number - 1) * size
    return products[start : start + size - 1]


def page_count(products: list[Product], size: int) -> int:
    """How many pages of `size` it takes to show all the products."""
    return (len(products) + size - 1) // size
