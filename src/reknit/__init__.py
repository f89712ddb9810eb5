"""Self-healing for Python programs: find the fault, prove a patch, apply it reversibly.

The library is the names in `__all__` (docs/library.md). Each is imported when it is first asked for: `import reknit`
itself loads nothing.
"""

import sys
from types import ModuleType

__version__ = "0.1.0"

TYPE_CHECKING = False  # as in `typing`, whose import would cost more than all of this
if TYPE_CHECKING:
    from reknit.changes import apply, redo, rollback
    from reknit.config import Options
    from reknit.errors import (
        CannotJudgeError,
        ConflictError,
        IrreversibleError,
        JournalError,
        ReknitError,
        SandboxError,
        StoreError,
        UsageError,
    )
    from reknit.events import Progress
    from reknit.loop import heal
    from reknit.model.outcome import (
        CircuitOpen,
        Cost,
        Failed,
        Healed,
        Healthy,
        NotHealed,
        Outcome,
        Proposed,
        Quarantined,
        Refused,
        Report,
        Reverted,
        Row,
        ValidationFailed,
        WhyNot,
    )
    from reknit.model.patch import Patch
    from reknit.model.signal import Signal
    from reknit.model.verdict import Label, Receipt, Safety, Verdict

__all__ = [
    "CannotJudgeError",
    "CircuitOpen",
    "ConflictError",
    "Cost",
    "Failed",
    "Healed",
    "Healthy",
    "IrreversibleError",
    "JournalError",
    "Label",
    "NotHealed",
    "Options",
    "Outcome",
    "Patch",
    "Progress",
    "Proposed",
    "Quarantined",
    "Receipt",
    "Refused",
    "ReknitError",
    "Report",
    "Reverted",
    "Row",
    "Safety",
    "SandboxError",
    "Signal",
    "StoreError",
    "UsageError",
    "ValidationFailed",
    "Verdict",
    "WhyNot",
    "__version__",
    "apply",
    "heal",
    "redo",
    "rollback",
]

#: Module → the public names that come from it, where it is not `reknit.model.outcome`.
_PLACES = {
    "reknit.changes": ("apply", "redo", "rollback"),
    "reknit.config": ("Options",),
    "reknit.errors": (
        "CannotJudgeError",
        "ConflictError",
        "IrreversibleError",
        "JournalError",
        "ReknitError",
        "SandboxError",
        "StoreError",
        "UsageError",
    ),
    "reknit.events": ("Progress",),
    "reknit.loop": ("heal",),
    "reknit.model.patch": ("Patch",),
    "reknit.model.signal": ("Signal",),
    "reknit.model.verdict": ("Label", "Receipt", "Safety", "Verdict"),
}


class _Package(ModuleType):
    """The package, where `apply` stays the function: the import of the room of that name would take its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "apply" or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


if not TYPE_CHECKING:  # a checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> object:
        """A public name, imported now."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        place = next((place for place, names in _PLACES.items() if name in names), "reknit.model.outcome")
        value = globals()[name] = getattr(importlib.import_module(place), name)
        return value


def __dir__() -> list[str]:
    """What is public, and what has been imported."""
    return sorted({*globals(), *__all__})
