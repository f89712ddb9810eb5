"""Where the pieces lie: on the shelf, ready to be sent, or in the depot."""

from __future__ import annotations


class OutOfStock(Exception):
    """There are fewer pieces than asked for; nothing was moved."""


def move(source: dict[str, int], target: dict[str, int], sku: str, count: int) -> None:
    """Carry `count` pieces from one place to another."""
    if source.get(sku, 0) < count:
        raise OutOfStock(sku)
    source[sku] -= count
    target[sku] = target.get(sku, 0) + count


class Stock:
    """Pieces by product, in two places."""

    def __init__(self, shelf: dict[str, int], depot: dict[str, int]) -> None:
        self.shelf = dict(shelf)
        self.depot = dict(depot)

    def available(self, sku: str) -> int:
        """Pieces in both places together."""
        return self.shelf.get(sku, 0) + self.depot.get(sku, 0)

    def refill(self, sku: str, count: int) -> None:
        """Bring pieces from the depot to the shelf."""
        move(self.shelf, self.depot, sku, count)

    def put_away(self, sku: str, count: int) -> None:
        """Bring pieces from the shelf to the depot."""
        move(self.shelf, self.depot, sku, count)

    def sell(self, sku: str, count: int) -> None:
        """Take pieces off the shelf for good."""
        move(self.shelf, {}, sku, count)
