"""What reknit finds of a project, what keeps it from healing there, and the one command that mends each.

Nothing is called well that was not looked at: what could not be checked, because something before it is missing, is
said to be unchecked. What is run of the project (its interpreter, and pytest's collection) runs in the sandbox.
"""

from __future__ import annotations

import enum
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from reknit import __version__
from reknit.bounded import escaped
from reknit.config import Options, find_root
from reknit.config.options import MARKS
from reknit.errors import CannotJudgeError, ReknitError
from reknit.kit import level
from reknit.runner import interpreter
from reknit.runner.base import SuiteRun
from reknit.runner.environments import Interpreter
from reknit.runner.exposure import find_repository
from reknit.runner.layout import judge_of_tests
from reknit.runner.packages import Package, is_editable, packages
from reknit.runner.pytest import PytestRunner
from reknit.runner.remedy import install, install_project, missing_module, set_up
from reknit.sandbox.base import Level, Sandbox
from reknit.sandbox.find import survey
from reknit.store.place import project_state

#: Collection may take so long (seconds); `heal` gives its first run half of its time.
_COLLECT_SECONDS = 150.0
_TRACERS = {
    "monitoring": "sys.monitoring",
    "coverage": "the project's coverage.py",
    "settrace": "sys.settrace (slow: Python 3.12, or coverage.py in the project's environment, is faster)",
}


class Health(enum.StrEnum):
    """How one thing stands."""

    WELL = "well"
    #: Healing works, and less well than it could, or otherwise than one may think.
    DOUBTFUL = "doubtful"
    #: Healing does not work.
    ILL = "ill"
    #: Something before it is missing.
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    health: Health
    text: str
    details: tuple[str, ...] = ()
    #: A command, or what to do.
    fix: str | None = None
    #: Its section of docs/errors.md, where it is an error that `heal` would end with.
    slug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Where the tests import a package of the project from."""

    name: str
    #: Where it lies in the project.
    path: str
    #: None: no test imports it while pytest collects.
    inside: bool | None
    #: The file elsewhere, if it is not inside.
    elsewhere: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An environment that was passed over."""

    origin: str
    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All that was found; what is null could not be found out."""

    reknit: str
    reknit_python: str
    project: str
    repository: str | None
    state: str
    python: str
    python_version: str | None
    #: How the interpreter was found.
    python_origin: str
    passed_over: tuple[Passed, ...]
    pytest: str | None
    #: "name version" of what pytest loads by itself.
    plugins: tuple[str, ...]
    tests: int | None
    collect_seconds: float | None
    layout: str
    imported: tuple[Imported, ...]
    isolation: str | None
    view: str | None
    #: Why no stronger isolation, or no better view, works.
    why_not_stronger: tuple[str, ...]
    coverage: str | None
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """What the findings come to. Whether a test fails is not known: none was run."""
        ill = [f.topic for f in self.findings if f.health is Health.ILL]
        if not self.can_heal:
            return f"reknit cannot heal here; to be mended: {', '.join(ill)}"
        if any(f.slug == "collection" for f in self.findings):
            return "reknit can heal here only tests that were collected and fail; mend the imports to have the others judged"
        return "reknit can heal here"

    @property
    def can_heal(self) -> bool:
        """Whether nothing stands in the way."""
        return not any(f.health in {Health.ILL, Health.UNCHECKED} for f in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
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

    @property
    def has_pytest(self) -> bool:
        return self.runner is not None and not (self.error is not None and self.error.slug == "no-pytest")


def examine(options: Options, tell: Callable[[str], None] = lambda _text: None) -> Checkup:
    """Look at the project that `options` names; `UsageError` where they cannot be used, every other end is a finding."""
    root = find_root(options.project)
    python = interpreter.find(root, options.python, os.environ)
    state = project_state(root, options.state_dir)
    tell("trying what isolation works")
    sandbox, reasons = survey(level(options.isolation))
    tell("collecting the tests")
    seen = _Seen(root=root, state=state, python=python, sandbox=sandbox, why_not_stronger=reasons)
    seen = _collect(seen, sandbox, options) if sandbox else seen
    facts, run = seen.runner.facts if seen.runner else None, seen.run
    layout, imported = _imports(seen)
    repository = find_repository(root)
    return Checkup(
        reknit=__version__,
        reknit_python=f"{platform.python_version()} ({sys.executable})",
        project=str(root),
        repository=str(repository) if (repository / ".git").exists() else None,
        state=str(state),
        python=str(python.python),
        python_version=facts.python if facts else None,
        python_origin=python.origin,
        passed_over=tuple(Passed(origin=p.origin, path=escaped(str(p.path)), why=p.why) for p in python.passed_over),
        pytest=facts.packages.get("pytest") if facts else None,
        plugins=seen.plugins,
        tests=len(run.collected) if run else None,
        collect_seconds=round(seen.seconds, 3) if run else None,
        layout=layout,
        imported=imported,
        isolation=sandbox.level if sandbox else None,
        view=run.view if run else None,
        why_not_stronger=reasons,
        coverage=_TRACERS.get(run.tracer) if run else None,
        findings=tuple(_findings(seen, layout, imported)),
    )


def _collect(seen: _Seen, sandbox: Sandbox, options: Options) -> _Seen:
    try:
        runner = PytestRunner(
            sandbox,
            root=seen.root,
            python=seen.python,
            env=interpreter.variables_for_tests(os.environ, options.env, seen.python.python),
            arguments=(*options.pytest_args, "--collect-only"),
        )
        seen = replace(seen, runner=runner, plugins=runner.plugins())
        began = time.monotonic()
        run = runner.suite(trace=True, deadline=began + _COLLECT_SECONDS, hang_seconds=_COLLECT_SECONDS)
        return replace(seen, run=run, seconds=time.monotonic() - began)
    except CannotJudgeError as exc:
        return replace(seen, error=exc)


def _imports(seen: _Seen) -> tuple[str, tuple[Imported, ...]]:
    """How the project's packages are laid out, and where the tests import them from."""
    layout, own = packages(seen.root, judge_of_tests(seen.run.own if seen.run else ()))
    words = [layout.value]
    words += ["with a namespace package"] if any(p.namespace for p in own) else []
    words += ["installed as editable"] if is_editable(seen.python.python, seen.root) else []
    return ", ".join(words), tuple(_imported(p, seen.run) for p in own) if seen.run else ()


def _imported(package: Package, run: SuiteRun) -> Imported:
    inside = any(f == package.path or f.startswith(f"{package.path}/") for f in run.facts.files)
    elsewhere = None if inside else run.facts.elsewhere.get(package.name)
    found = True if inside else (False if elsewhere else None)
    return Imported(name=package.name, path=package.path, inside=found, elsewhere=elsewhere)


def _findings(seen: _Seen, layout: str, imported: tuple[Imported, ...]) -> Iterator[Finding]:
    yield _well("reknit", f"{__version__}, on Python {platform.python_version()} ({sys.executable})")
    yield _project(seen.root)
    yield _isolation(seen)
    yield _interpreter(seen)
    yield _pytest(seen)
    yield _tests(seen, imported)
    yield _layout(seen, layout, imported)
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


def _isolation(seen: _Seen) -> Finding:
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


def _interpreter(seen: _Seen) -> Finding:
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


def _pytest(seen: _Seen) -> Finding:
    if seen.runner is None:
        return _unchecked("pytest", "the interpreter does not run")
    python = seen.python
    if not seen.has_pytest:
        text = f"there is none in {python.python} ({python.origin})"
        fix = install(python.kind, python.python, seen.root, "pytest")
        return Finding(topic="pytest", health=Health.ILL, text=text, fix=fix, slug="no-pytest")
    version = seen.runner.facts.packages.get("pytest", "of unknown version")
    return _well("pytest", version, *([f"plug-ins: {', '.join(seen.plugins)}"] if seen.plugins else []))


def _tests(seen: _Seen, imported: tuple[Imported, ...]) -> Finding:
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


def _layout(seen: _Seen, layout: str, imported: tuple[Imported, ...]) -> Finding:
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


def _coverage(seen: _Seen) -> Finding:
    if seen.run is None or seen.run.tracer not in _TRACERS:
        return _unchecked("coverage", "no test was collected")
    return _well("coverage", _TRACERS[seen.run.tracer])


def _state(state: Path) -> Finding:
    there = next(p for p in (state, *state.parents) if p.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return _well("state", str(state))
    text = f"{there} cannot be written, so neither reports nor the journal of patches can be kept"
    fix = "set REKNIT_STATE_DIR to a folder that you can write to"
    return Finding(topic="state", health=Health.ILL, text=text, fix=fix, slug="store-unusable")
