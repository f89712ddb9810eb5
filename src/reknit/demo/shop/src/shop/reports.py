"""Figures for the owner."""

from __future__ import annotations

from .orders import Order


def turnover(orders: list[Order]) -> int:
    """Cents of all orders that are paid for and not cancelled."""
    return sum(order.total for order in orders if order.paid and not order.cancelled)


def average_paid(orders: list[Order]) -> int:
    """Mean total of the orders that are paid for, in cents rounded down; 0 where there are none."""
    paid = [order for order in orders if order.paid]
    if not paid:
        return 0
    return sum(order.total for order in orders) // len(paid)


def best(orders: list[Order], count: int) -> list[int]:
    """Numbers of the `count` dearest orders, the dearest first."""
    ranked = sorted(orders, key=lambda order: (-order.total, order.number))
    return [order.number for order in ranked[:count]]
