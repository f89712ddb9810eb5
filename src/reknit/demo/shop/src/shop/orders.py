"""Orders, from the click to the parcel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Order:
    """What somebody bought."""

    number: int
    #: Cents.
    total: int
    paid: bool = False
    cancelled: bool = False
    shipped: bool = False


def may_ship(order: Order) -> bool:
    """Only what is paid for and not cancelled leaves the house."""
    return order.paid or not order.cancelled


def may_cancel(order: Order) -> bool:
    """Until the parcel has left, and only once."""
    return not order.shipped and not order.cancelled


def cancel(order: Order) -> int:
    """Cancel the order; returns the cents to pay back."""
    if not may_cancel(order):
        raise ValueError(f"order {order.number} can no longer be cancelled")
    order.cancelled = True
    return order.total if order.paid else 0
