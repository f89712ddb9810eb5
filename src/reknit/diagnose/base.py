"""What localisation takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reknit.model.fault import Suspect
from reknit.model.signal import Frame

#: Path → numbers of the lines that ran; paths relative to the project, POSIX.
Lines = Mapping[str, frozenset[int]]

#: First and last line (1-based, both included) and `__qualname__` of one function; nested ones are listed too.
FunctionRange = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Which lines ran in which test, by the test's node id."""

    failing: Mapping[str, Lines]
    passing: Mapping[str, Lines]
    #: Lines that ran while the modules were imported, for no test in particular.
    imported: Lines = field(default_factory=dict)


class Localizer(Protocol):
    """Ranks the lines that may have made tests fail, the most suspicious first."""

    def __call__(
        self,
        spectrum: Spectrum,
        frames: Sequence[Frame],
        functions: Mapping[str, Sequence[FunctionRange]],
        *,
        is_test: Callable[[str], bool],
    ) -> tuple[Suspect, ...]: ...
