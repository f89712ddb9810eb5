"""How each thing stands that was looked at, and what mends it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reknit import __version__
from reknit.bounded import escaped
from reknit.config.options import MARKS
from reknit.doctor.checkup import Finding, Health, Imported
from reknit.errors import ReknitError
from reknit.runner.base import Step, SuiteRun
from reknit.runner.environments import Interpreter
from reknit.runner.exposure import find_repository
from reknit.runner.ladder import Outlook
from reknit.runner.pytest import PytestRunner
from reknit.runner.remedy import install, install_project, missing_module, set_up
from reknit.sandbox.base import Level, Sandbox

TRACERS = {
    "monitoring": "sys.monitoring",
    "coverage": "the project's coverage.py",
    "settrace": "sys.settrace (slow: Python 3.12, or coverage.py in the project's environment, is faster)",
}
_STEPS: Mapping[Step, str] = {
    "direct": "forked once all is imported, the changed function swapped in, without pytest's reports around a test",
    "collected": "forked once all is imported, the changed function swapped in, with pytest's whole protocol",
    "fresh": "forked with pytest loaded, each candidate imports the project",
    "process": "each candidate in a process of its own, which is slow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen, as far as it went."""

    root: Path
    state: Path
    python: Interpreter
    sandbox: Sandbox | None
    why_not_stronger: tuple[str, ...]
    runner: PytestRunner | None = None
    plugins: tuple[str, ...] = ()
    run: SuiteRun | None = None
    seconds: float = 0.0
    error: ReknitError | None = None
    outlook: Outlook | None = None

    @property
    def has_pytest(self) -> bool:
        """Whether pytest was found."""
        return self.runner is not None and not (self.error is not None and self.error.slug == "no-pytest")


def findings(seen: Seen, layout: str, imported: tuple[Imported, ...]) -> Iterator[Finding]:
    """How each thing stands, in the order in which they depend on each other."""
    yield _well("reknit", f"{__version__}, on Python {platform.python_version()} ({sys.executable})")
    yield _project(seen.root)
    yield _isolation(seen)
    yield _interpreter(seen)
    yield _pytest(seen)
    yield _tests(seen, imported)
    yield _layout(seen, layout, imported)
    yield _candidates(seen)
    yield _coverage(seen)
    yield _state(seen.state)


def _well(topic: str, text: str, *details: str) -> Finding:
    return Finding(topic=topic, health=Health.WELL, text=text, details=details)


def _unchecked(topic: str, why: str) -> Finding:
    return Finding(topic=topic, health=Health.UNCHECKED, text=f"not checked: {why}")


def _ill(topic: str, error: ReknitError, *details: str) -> Finding:
    text, *more = error.message.splitlines()
    said = (*details, *more)
    return Finding(topic=topic, health=Health.ILL, text=text, details=said, fix=error.hint, slug=error.slug)


def _project(root: Path) -> Finding:
    mark = next((m for m in MARKS if (root / m).exists()), None)
    repository = find_repository(root)
    git = f"git repository {repository}" if (repository / ".git").exists() else "no git repository"
    if mark is None:
        text = f"{root}, the folder given: neither it nor one above it has a {MARKS[0]} or the like ({git})"
        return Finding(
            topic="project", health=Health.DOUBTFUL, text=text, fix="name the project's folder: --project DIR"
        )
    return _well("project", f"{root}, the nearest folder with {mark} ({git})")


def _isolation(seen: Seen) -> Finding:
    sandbox, reasons = seen.sandbox, seen.why_not_stronger
    if sandbox is None:
        text = "no isolation works here, and nothing of the project is run without"
        fix = _bubblewrap()
        return Finding(topic="isolation", health=Health.ILL, text=text, details=reasons, fix=fix, slug="no-sandbox")
    text = f"{sandbox.level}, view: {seen.run.view}" if seen.run else str(sandbox.level)
    if sandbox.level is Level.NONE:
        text += ", as asked for: the project's code runs with your rights"
        return Finding(topic="isolation", health=Health.DOUBTFUL, text=text, fix="leave --isolation out")
    if reasons:
        fix = _bubblewrap() if sandbox.level is not Level.BUBBLEWRAP else None
        details = tuple(f"no better one: {r}" for r in reasons)
        return Finding(topic="isolation", health=Health.DOUBTFUL, text=text, details=details, fix=fix)
    return _well("isolation", text)


def _bubblewrap() -> str | None:
    """How to have the strongest level; None where it is not the program that is missing."""
    if sys.platform != "linux" or shutil.which("bwrap"):
        return None
    programs = {"apt-get": "install bubblewrap", "dnf": "install bubblewrap", "pacman": "-S bubblewrap"}
    known = next((f"sudo {p} {words}" for p, words in programs.items() if shutil.which(p)), None)
    return known or "install bubblewrap with your system's package manager"


def _interpreter(seen: Seen) -> Finding:
    python = seen.python
    passed = tuple(f"passed over: {p}" for p in python.passed_over)
    if seen.runner is None and seen.error is not None:
        return _ill("interpreter", seen.error, *passed)
    if seen.runner is None:
        return _unchecked("interpreter", f"{python.python} ({python.origin}) is not started without isolation")
    text = f"{escaped(str(python.python))}, Python {seen.runner.facts.python} ({python.origin})"
    if passed:
        fix = set_up(seen.root) if python.python == Path(sys.executable) else None
        return Finding(topic="interpreter", health=Health.DOUBTFUL, text=text, details=passed, fix=fix)
    return _well("interpreter", text)


def _pytest(seen: Seen) -> Finding:
    if seen.runner is None:
        return _unchecked("pytest", "the interpreter does not run")
    python = seen.python
    if not seen.has_pytest:
        text = f"there is none in {python.python} ({python.origin})"
        fix = install(python.kind, python.python, seen.root, "pytest")
        return Finding(topic="pytest", health=Health.ILL, text=text, fix=fix, slug="no-pytest")
    version = seen.runner.facts.packages.get("pytest", "of unknown version")
    return _well("pytest", version, *([f"plug-ins: {', '.join(seen.plugins)}"] if seen.plugins else []))


def _tests(seen: Seen, imported: tuple[Imported, ...]) -> Finding:
    if not seen.has_pytest:
        return _unchecked("tests", "pytest does not run")
    if seen.error is not None or seen.run is None:
        return _ill("tests", seen.error) if seen.error else _unchecked("tests", "nothing was run")
    run = seen.run
    text = f"{len(run.collected)} collected in {seen.seconds:.1f} s"
    if not run.collect_errors:
        return _well("tests", text)
    many = f"{text}; {len(run.collect_errors)} of their modules could not be"
    if run.collected:
        many += (
            ", and are not looked at: only a test beside them that fails can be healed, and with none heal ends with 4"
        )
    said = "\n".join(said for _, said in run.collect_errors)
    fix = missing_module(said, seen.python, seen.root, own=[i.name for i in imported])
    return Finding(
        topic="tests",
        health=Health.DOUBTFUL if run.collected else Health.ILL,
        text=many,
        details=tuple(_last_word(module, said) for module, said in run.collect_errors[:3]),
        fix=fix or "mend the import, or leave the module out: `reknit heal -- --ignore PATH`",
        slug="collection",
    )


def _last_word(module: str, said: str) -> str:
    """What an error of collection comes to: the last line that pytest marks as the error, else the last."""
    lines = said.strip().splitlines() or [""]
    marked = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    return f"{module}: {[*lines, *marked][-1]}"


def _layout(seen: Seen, layout: str, imported: tuple[Imported, ...]) -> Finding:
    if seen.run is None:
        return _unchecked("imports", f"no test was collected (layout: {layout})")
    away = [i for i in imported if i.inside is False]
    if away:
        return Finding(
            topic="imports",
            health=Health.DOUBTFUL,
            text=f"the tests import a package from elsewhere, which no patch of the project changes (layout: {layout})",
            details=tuple(f"{i.name} is {i.elsewhere}, not {i.path}" for i in away),
            fix=install_project(seen.python.kind, seen.python.python, seen.root),
        )
    inside = [i.path for i in imported if i.inside]
    if not inside:
        text = f"no test imports a package of the project while it is collected (layout: {layout})"
        return Finding(topic="imports", health=Health.DOUBTFUL, text=text)
    more = f" and {len(inside) - 3} more" if len(inside) > 3 else ""
    return _well("imports", f"the tests import the project's own {', '.join(inside[:3])}{more} (layout: {layout})")


def _candidates(seen: Seen) -> Finding:
    """How a change of a function would be judged."""
    if seen.outlook is None:
        return _unchecked("candidates", "no test was collected")
    step, reasons = seen.outlook.step, seen.outlook.reasons
    details = tuple(f"no faster step: {r}" for r in reasons)
    if step is None:
        return Finding(topic="candidates", health=Health.DOUBTFUL, text="no worker starts", details=details)
    text = f"judged in step {step}: {_STEPS[step]}"
    return _well("candidates", text, *details)


def _coverage(seen: Seen) -> Finding:
    if seen.run is None or seen.run.tracer not in TRACERS:
        return _unchecked("coverage", "no test was collected")
    return _well("coverage", TRACERS[seen.run.tracer])


def _state(state: Path) -> Finding:
    there = next(p for p in (state, *state.parents) if p.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return _well("state", str(state))
    text = f"{there} cannot be written, so neither reports nor the journal of patches can be kept"
    fix = "set REKNIT_STATE_DIR to a folder that you can write to"
    return Finding(topic="state", health=Health.ILL, text=text, fix=fix, slug="store-unusable")
