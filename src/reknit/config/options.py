"""One run as asked for, and where a project begins."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reknit.errors import UsageError

#: What is asked for beyond these is a slip, and would overflow a timer.
LIMITS = {"max_time": 1_000_000, "max_cpu": 1_000_000, "fuel": 10**15, "jobs": 256, "max_candidates": 10**12}
#: Likewise, of what a user may want none of.
LIMITS_FROM_ZERO = {"max_dollars": 1_000_000, "max_tokens": 10**12, "patches_a_day": 1_000_000}
MARKS = ("pyproject.toml", "reknit.toml", "setup.cfg", "setup.py", "pytest.ini", "tox.ini", ".git")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One run of `heal`."""

    project: Path
    #: The project's interpreter; None: found (`runner.interpreter`).
    python: Path | None = None
    pytest_args: tuple[str, ...] = ()
    #: Wall clock, seconds.
    max_time: float = 300.0
    #: CPU seconds, children included; None: no bound but `max_time`.
    max_cpu: float | None = None
    #: Ticks a candidate may use; None: 60 times what the passing tests use.
    fuel: int | None = None
    #: For what is left to chance, which nothing is yet.
    seed: int = 0
    #: Workers side by side; None: one a core, at most 2.
    jobs: int | None = None
    apply: bool = False
    #: Apply plausible patches too.
    unsafe: bool = False
    #: An isolation level by name; None: the best that works here.
    isolation: str | None = None
    #: Accept on the whole suite, even where the pytest arguments select a part.
    whole_suite: bool = True
    #: Patterns of files whose changes reach outside (`*` stands for any characters): changed only where that is allowed.
    irreversible_paths: tuple[str, ...] = ()
    #: Ask nothing of what earlier runs found out.
    cold: bool = False
    #: Keep a debug log in the state folder.
    verbose_logging: bool = False
    #: What is only doubtful ends the run: a setting that nobody knows, an isolation under the best that works here.
    strict_validation: bool = False
    #: What the user's tests do (start programs, reach for a network) is no ground against a patch.
    relaxed_policies: bool = False
    #: Only CORROBORATED patches are written, and nothing that cannot be written to the ledger first.
    strict_policies: bool = False
    #: Keep the ledger.
    auditing_enabled: bool = False
    #: Candidates that one run may try; None: as many as time allows.
    max_candidates: int | None = None
    #: What models may cost, of one day.
    max_dollars: float | None = None
    max_tokens: int | None = None
    #: Patches that may be written by themselves, of one day.
    patches_a_day: int | None = None
    #: Look into the project's git repository.
    git: bool = True
    #: Begin with what failed when the user last ran pytest, as its cache says.
    pytest_cache: bool = True
    #: Added to the environment of the tests.
    env: Mapping[str, str] = field(default_factory=dict)
    #: In place of the user's state folder.
    state_dir: Path | None = None

    def __post_init__(self) -> None:
        for name, most in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not 0 < value <= most:
                raise _out_of_range(name, f"above 0 and at most {most}", value)
        for name, most in LIMITS_FROM_ZERO.items():
            value = getattr(self, name)
            if value is not None and not 0 <= value <= most:
                raise _out_of_range(name, f"at least 0 and at most {most}", value)

    @property
    def audited(self) -> bool:
        """Whether there is a ledger: a strict policy needs one."""
        return self.auditing_enabled or self.strict_policies


def _out_of_range(name: str, bounds: str, value: object) -> UsageError:
    option = f"--{name.replace('_', '-')}"
    return UsageError(f"{option} must be {bounds}, not {value}; nothing was run", slug="option")


def usual_jobs() -> int:
    """Workers side by side where nobody says how many."""
    return min(2, os.cpu_count() or 1)


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that looks like a project; `start` itself where none does.

    A folder above that is a home directory, or the root of the file system, is nobody's project.
    """
    try:
        start = start.resolve()
    except OSError as exc:
        raise UsageError(f"the current folder is gone ({exc}); nothing was run", slug="no-project") from exc
    if not start.is_dir():
        raise UsageError(f"{start} is no folder; nothing was run", slug="no-project")
    no_project = {Path("~").expanduser().resolve(), Path(start.anchor)}
    if start == Path(start.anchor) or (start in no_project and not any((start / m).is_file() for m in MARKS)):
        message = f"{start} is no project, and all that lies below it is not looked through; nothing was run"
        raise UsageError(message, slug="no-project", hint="go to the folder of the project, or name it with -C")
    above = itertools.takewhile(lambda p: p not in no_project, start.parents)
    return next((p for p in (start, *above) if any((p / m).exists() for m in MARKS)), start)
