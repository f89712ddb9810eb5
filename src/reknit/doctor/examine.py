"""Looks at a project: what is found is told by `findings`."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from reknit import __version__
from reknit.apply.journal import Journal
from reknit.bounded import escaped
from reknit.config import Options, find_root
from reknit.doctor.checkup import Checkup, Imported, Passed
from reknit.doctor.findings import TRACERS, Seen, findings
from reknit.errors import CannotJudgeError
from reknit.kit import level
from reknit.runner import interpreter
from reknit.runner.base import SuiteRun
from reknit.runner.exposure import find_repository
from reknit.runner.ladder import Outlook
from reknit.runner.layout import judge_of_tests
from reknit.runner.packages import Package, is_editable, packages
from reknit.runner.pytest import PytestRunner
from reknit.sandbox.base import Sandbox
from reknit.sandbox.find import survey
from reknit.store.place import project_state

#: Collection may take so long (seconds); `heal` gives its first run half of its time.
_COLLECT_SECONDS = 150.0
#: Tests that a worker is asked to collect.
_COLLECTED = 50


def examine(options: Options, tell: Callable[[str], None] = lambda _text: None) -> Checkup:
    """Look at the project that `options` names; `UsageError` where they cannot be used, every other end is a finding."""
    root = find_root(options.project)
    python = interpreter.find(root, options.python, os.environ)
    state = project_state(root, options.state_dir)
    for recovered in Journal(root, state).recover():
        tell(f"recovered: {recovered.note}")
    tell("trying what isolation works")
    sandbox, reasons = survey(level(options.isolation))
    tell("collecting the tests")
    seen = Seen(root=root, state=state, python=python, sandbox=sandbox, why_not_stronger=reasons)
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
        coverage=TRACERS.get(run.tracer) if run else None,
        step=seen.outlook.step if seen.outlook else None,
        findings=tuple(findings(seen, layout, imported)),
    )


def _collect(seen: Seen, sandbox: Sandbox, options: Options) -> Seen:
    try:
        runner = PytestRunner(
            sandbox,
            root=seen.root,
            python=seen.python,
            env=interpreter.variables_for_tests(os.environ, options.env, seen.python.python),
            arguments=options.pytest_args,
        )
        seen = replace(seen, runner=runner, plugins=runner.plugins())
        began = time.monotonic()
        run = runner.collect(deadline=began + _COLLECT_SECONDS)
        seen = replace(seen, run=run, seconds=time.monotonic() - began)
        return replace(seen, outlook=_outlook(runner, run)) if run.own else seen
    except CannotJudgeError as exc:
        return replace(seen, error=exc)


def _outlook(runner: PytestRunner, run: SuiteRun) -> Outlook:
    """How candidates would be judged, by a worker that collects some of the tests and runs none."""
    tests = run.own[:_COLLECTED]
    deadline = time.monotonic() + _COLLECT_SECONDS
    with runner.trials(tests=tests, baseline=run, jobs=1, fuel=None, deadline=deadline) as pool:
        return pool.outlook()


def _imports(seen: Seen) -> tuple[str, tuple[Imported, ...]]:
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
