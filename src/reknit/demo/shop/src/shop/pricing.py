"""Discounts."""

from __future__ import annotations

from .money import percent_of


def quantity_discount(quantity: int) -> int:
    """Percent off for many pieces of one product: 5 from 10 pieces, 12 from 50."""
    if quantity >= 50:
        return 12
    if quantity > 10:
        return 5
    return 0


def line_price(price: int, quantity: int) -> int:
    """What `quantity` pieces cost, the quantity discount taken off."""
    full = price * quantity
    return full - percent_of(full, quantity_discount(quantity))


def redeem(total: int, coupon: int) -> int:
    """The total less the coupon, never below zero."""
    return max(total - coupon, 0)
