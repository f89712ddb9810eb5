"""The people who buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass
class Customer:
    """Somebody with an account."""

    name: str
    email: str
    #: None for those who never chose one.
    nickname: Optional[str] = None


def salutation(customer: Customer) -> str:
    """How a letter begins: by the nickname, else by the name."""
    called = customer.nickname.strip() or customer.name
    return "Dear " + called + ","


def same_person(one: Customer, other: Customer) -> bool:
    """Whether two accounts have the same address, in whatever case."""
    return one.email.strip().lower() == other.email.strip().lower()
