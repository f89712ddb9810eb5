"""What a visitor is about to buy."""

from __future__ import annotations

from dataclasses import dataclass

from .catalog import Product
from .pricing import line_price

#: Grams up to which a parcel costs so many cents to send.
SHIPPING = [(1_000, 390), (5_000, 590), (31_500, 1_290)]
FREE_SHIPPING_FROM = 10_000


@dataclass
class Line:
    """Some pieces of one product."""

    product: Product
    quantity: int

    def total(self) -> int:
        """Cents, discount taken off."""
        return line_price(self.product.price, self.quantity)


class Cart:
    """Lines in the order in which they were added, one a product."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(self, product: Product, quantity: int = 1) -> None:
        """Put pieces in; more of the same product go to the same line."""
        if quantity < 1:
            raise ValueError("add at least one piece")
        for line in self.lines:
            if line.product.sku == product.sku:
                line.quantity += quantity
                return
        self.lines.append(Line(product, quantity))

    def remove(self, sku: str) -> None:
        """Take a product out; nothing happens if it is not there."""
        self.lines = [line for line in self.lines if line.product.sku != sku]

    def subtotal(self) -> int:
        """Cents, without shipping."""
        return sum(line.total() for line in self.lines)

    def weight(self) -> int:
        """Grams."""
        return sum(line.product.weight * line.quantity for line in self.lines)

    def shipping(self) -> int:
        """Cents to send the cart; free above a certain value."""
        if self.subtotal() >= FREE_SHIPPING_FROM:
            return 0
        for limit, cost in SHIPPING:
            if self.weight() <= limit:
                return cost
        raise ValueError("too heavy for one parcel")
