"""What a user has loosened, by their own word."""

from __future__ import annotations

from pathlib import Path

from reknit.config.options import Options
from reknit.config.schema import FIELDS, FREELY, RULES, TRUSTED


def looser(options: Options) -> tuple[str, ...]:
    """The settings that are looser than their defaults, as "name = value"; only the names of what may hold anything."""
    usual = Options(project=Path())
    found = {name: (getattr(options, field), getattr(usual, field)) for name, field in FIELDS.items()}
    return tuple(
        name if RULES[name] is TRUSTED else f"{name} = {str(new).lower() if isinstance(new, bool) else new}"
        for name, (new, held) in found.items()
        if RULES[name] is not FREELY and new != held and new is not None and not RULES[name].allows(new, held)
    )
