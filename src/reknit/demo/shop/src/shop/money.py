"""Amounts of money, in whole cents."""

from __future__ import annotations


def percent_of(amount: int, percent: int) -> int:
    """`percent` percent of `amount`, half a cent rounded up."""
    return (amount * percent + 50) // 100


def allocate(amount: int, weights: list[int]) -> list[int]:
    """Split `amount` in proportion to `weights`, so that the shares add up to it.

    Every share is rounded down first; the cents left over go one each to the shares
    that lost most by the rounding, the earlier one first where two lost the same.
    """
    whole = sum(weights)
    if whole <= 0:
        raise ValueError("nothing to split by")
    return [amount * weight // whole for weight in weights]


def show(amount: int, currency: str = "€") -> str:
    """The amount for people: 123456 is "1,234.56 €"."""
    sign = "-" if amount < 0 else ""
    units, cents = divmod(abs(amount), 100)
    return f"{sign}{units:,}.{cents:02d} {currency}"
