"""The catalogue of one-edit operators; each file is one family, each operator one class of human mistakes."""

from __future__ import annotations

from reknit.propose.operators import (
    arithmetic,
    attribute,
    call,
    comparison,
    condition,
    constant,
    fallback,
    guard,
    insertion,
    keyword,
    move,
    name,
    sequence,
    statement,
    text,
    wrap,
)
from reknit.propose.operators.base import Mutation, Operator

__all__ = ["OPERATORS", "Mutation", "Operator"]

#: Every operator; of mutations that cost the same at one place, the earlier operator's comes first.
OPERATORS: tuple[Operator, ...] = (
    *comparison.OPERATORS,
    *arithmetic.OPERATORS,
    *constant.OPERATORS,
    *condition.OPERATORS,
    *name.OPERATORS,
    *attribute.OPERATORS,
    *call.OPERATORS,
    *keyword.OPERATORS,
    *sequence.OPERATORS,
    *text.OPERATORS,
    *wrap.OPERATORS,
    *fallback.OPERATORS,
    *statement.OPERATORS,
    *move.OPERATORS,
    *insertion.OPERATORS,
    *guard.OPERATORS,
)
