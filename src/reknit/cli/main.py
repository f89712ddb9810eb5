"""The verbs. What they do lives elsewhere and is imported when a verb runs, so that `--help` is quick."""

from __future__ import annotations

import io
import itertools
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from reknit import __version__
from reknit.bench.cli import app as bench
from reknit.cli.arguments import (
    AsJson,
    Environment,
    Isolation,
    PatchId,
    Project,
    Python,
    Reason,
    ReceiptId,
    complete_patches,
    options_of,
    state_base,
)
from reknit.cli.config import app as config
from reknit.errors import Interrupted, ReknitError, UsageError

app = typer.Typer(
    name="reknit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(bench, name="bench")
app.add_typer(config, name="config")


def run() -> None:
    """Entry point: run a verb, and say errors as a person would want to read them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_status())


def _status() -> int:
    try:
        status = app(standalone_mode=False)
    except ReknitError as exc:
        return _explain(exc)
    except (KeyboardInterrupt, typer.Abort):
        return _explain(Interrupted("interrupted; `reknit log` lists what was written"))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; the last flush must not fail
        return 1
    except Exception as exc:  # - click's own errors (usage, bad parameters) have no public base; others go on
        show = getattr(exc, "show", None)
        if show is None:
            _document(ReknitError(f"a mistake of reknit itself: {exc!r}", slug="internal"))
            raise
        show()
        said = getattr(exc, "format_message", exc.__str__)()
        _document(UsageError(said, slug="command-line", hint="see `--help`"))
        return UsageError.exit_code
    if status == Interrupted.exit_code:  # typer catches Ctrl-C itself, and says nothing
        return _explain(Interrupted("interrupted; `reknit log` lists what was written"))
    return status if isinstance(status, int) else 0


def _explain(exc: ReknitError) -> int:
    from reknit.cli.text import printable

    _document(exc)
    if isinstance(exc, Interrupted):
        print(f"\n{exc.message}", file=sys.stderr)
        return exc.exit_code
    print(f"reknit: {printable(exc.message)}", file=sys.stderr)
    if exc.hint:
        print(f"  try: {printable(exc.hint)}", file=sys.stderr)
    print(f"  more: docs/errors.md#{exc.slug}", file=sys.stderr)
    return exc.exit_code


def _document(exc: ReknitError) -> None:
    """The error for programs, if the command line asks for JSON; it may be the parser that refuses it."""
    words = list(itertools.takewhile(lambda word: word != "--", sys.argv[1:]))
    if "--json" not in words:
        return
    from reknit.model.document import error_document

    called = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    verb = " ".join(called[: 2 if called[:1] in (["bench"], ["config"]) else 1])
    sys.stdout.write(error_document(verb, exc))


def _version(wanted: bool) -> None:
    if wanted:
        print(f"reknit {__version__}")
        raise typer.Exit


@app.callback()
def verbs(
    *,
    _shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Heals Python programs: finds what a failing test points at, proves a patch, applies it reversibly."""


@app.command()
def heal(
    pytest_args: Annotated[
        list[str] | None, typer.Argument(help="Arguments for pytest, after --.", metavar="[-- PYTEST ARGUMENTS]")
    ] = None,
    *,
    project: Project = Path(),
    python: Python = None,
    apply: Annotated[
        bool | None, typer.Option("--apply/--no-apply", help="Write patches whose label is safe.", show_default=False)
    ] = None,
    unsafe: Annotated[
        bool | None,
        typer.Option("--unsafe/--no-unsafe", help="With --apply: write plausible patches too.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
    max_time: Annotated[
        float | None, typer.Option(help="Seconds for the whole run; by default 300.", show_default=False)
    ] = None,
    fuel: Annotated[
        int | None,
        typer.Option(help="Ticks a candidate may use; by default 60 times the tests' own.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="For choices left to chance; so far there are none.", show_default=False)
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Workers side by side; at most 2 by default.", show_default=False)
    ] = None,
    isolation: Isolation = None,
    env: Environment = None,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again after each save; shows, applies nothing.")] = False,
    cold: Annotated[bool, typer.Option("--cold", help="Ask nothing of what earlier runs found out.")] = False,
) -> None:
    """Find failing tests, search for patches and prove them; writes nothing without --apply."""
    from reknit.cli.settings import settled

    flags = {
        "python": python,
        "pytest_args": tuple(pytest_args or ()),
        "max_time": max_time,
        "fuel": fuel,
        "seed": seed,
        "jobs": jobs,
        "apply": apply,
        "unsafe": unsafe,
        "isolation": isolation,
        "env": env,
    }
    # What is wrong here is said before the rest is loaded.
    options = replace(settled(project, flags, state_base()).options, cold=cold)
    if watch:
        from reknit.cli.watch import watch_verb

        raise typer.Exit(watch_verb(project, sys.argv[1:], apply=bool(apply), as_json=as_json))
    from reknit.cli.heal import heal_verb

    raise typer.Exit(heal_verb(options, ask=not yes, as_json=as_json))


@app.command()
def show(patch: PatchId = None, *, project: Project = Path(), as_json: AsJson = False) -> None:
    """Show a proposed patch with its evidence; the last run's without an ID."""
    from reknit.cli.history import show_verb

    raise typer.Exit(show_verb(options_of(project), patch, as_json=as_json))


@app.command()
def apply(
    patch: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID | FILE]",
            help="The first digits of a proposed patch's id, or a file with a unified diff, - for stdin.",
            show_default=False,
            autocompletion=complete_patches,
        ),
    ] = None,
    *,
    project: Project = Path(),
    python: Python = None,
    isolation: Isolation = None,
    env: Environment = None,
    irreversible: Annotated[
        bool, typer.Option("--irreversible", help="Write it although it could not be taken back.")
    ] = False,
    tests: Annotated[
        bool,
        typer.Option("--tests/--no-tests", help="Then run the tests that it heals; by default.", show_default=False),
    ] = True,
    branch: Annotated[
        str | None, typer.Option(help="Commit it on a new branch of this name; no file is written.", show_default=False)
    ] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Write a proposed patch, the last run's if it proposed one only; or a diff, unjudged."""
    from reknit.cli.history import apply_verb, branch_verb
    from reknit.cli.settings import settled

    flags = {"python": python, "isolation": isolation, "env": env}
    options = settled(project, flags, state_base()).options
    if branch is not None:
        raise typer.Exit(branch_verb(options, patch, branch, as_json=as_json))
    raise typer.Exit(apply_verb(options, patch, reason=reason, irreversible=irreversible, tests=tests, as_json=as_json))


@app.command()
def undo(receipt: ReceiptId = None, *, project: Project = Path(), reason: Reason = "", as_json: AsJson = False) -> None:
    """Take an applied patch back; the last one without an ID."""
    from reknit.cli.history import turn_verb
    from reknit.cli.settings import audited

    raise typer.Exit(turn_verb("undo", audited(options_of(project)), receipt, reason=reason, as_json=as_json))


@app.command()
def redo(receipt: ReceiptId = None, *, project: Project = Path(), reason: Reason = "", as_json: AsJson = False) -> None:
    """Apply again what was taken back; the last one without an ID."""
    from reknit.cli.history import turn_verb
    from reknit.cli.settings import audited

    raise typer.Exit(turn_verb("redo", audited(options_of(project)), receipt, reason=reason, as_json=as_json))


@app.command()
def log(
    receipt: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="Show the acts of this receipt or patch with their diffs.", show_default=False
        ),
    ] = None,
    *,
    project: Project = Path(),
    as_json: AsJson = False,
) -> None:
    """List what was applied, undone and redone here, and why."""
    from reknit.cli.history import log_verb

    raise typer.Exit(log_verb(options_of(project), receipt, as_json=as_json))


@app.command()
def status(*, project: Project = Path(), env: Environment = None, as_json: AsJson = False) -> None:
    """Show what is held back in the project now, why, and until when."""
    from reknit.cli.settings import settled
    from reknit.cli.status import status_verb

    raise typer.Exit(status_verb(settled(project, {"env": env}, state_base()).options, as_json=as_json))


@app.command()
def breaker(
    turn: Annotated[
        str,
        typer.Argument(metavar="open | close | disable | count | reset", help="count: disable, and go on counting."),
    ],
    name: Annotated[
        str | None, typer.Argument(help="heal/search or deploy/journal; all without one.", show_default=False)
    ] = None,
    *,
    project: Project = Path(),
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Open, close, disable or reset what holds reknit back, by your own word."""
    from reknit.cli.settings import audited
    from reknit.cli.status import breaker_verb

    raise typer.Exit(breaker_verb(audited(options_of(project)), turn, name, reason, as_json=as_json))


@app.command()
def doctor(
    *,
    project: Project = Path(),
    python: Python = None,
    isolation: Isolation = None,
    as_json: AsJson = False,
) -> None:
    """Say what is found of the project, what keeps reknit from healing there, and what mends it."""
    from reknit.cli.doctor import doctor_verb
    from reknit.cli.settings import settled

    settings = settled(project, {"python": python, "isolation": isolation}, state_base())
    raise typer.Exit(doctor_verb(settings.options, as_json=as_json))


@app.command()
def trust(
    *,
    project: Project = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Trust no file of the project any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the project's settings ask for, and let them loosen what holds, until the file changes."""
    from reknit.cli.settings import audited
    from reknit.cli.trust import trust_verb

    raise typer.Exit(trust_verb(audited(options_of(project)), yes=yes, revoke=revoke, as_json=as_json))


@app.command()
def ledger(
    *,
    project: Project = Path(),
    last: Annotated[int | None, typer.Option(help="Show so many of the last lines.", min=0, show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Show the security log, and the first line that was changed, cut or inserted since."""
    from reknit.cli.ledger import ledger_verb

    raise typer.Exit(ledger_verb(options_of(project), last=last, as_json=as_json))


@app.command()
def gc(
    *,
    project: Project = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; nothing goes.")] = False,
    forget_missing: Annotated[
        bool, typer.Option("--forget-missing", help="Remove the state of projects whose folder is not there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Drop what is over the bounds or old of reknit's own state; of the project, nothing is touched."""
    from reknit.cli.gc import gc_verb

    raise typer.Exit(gc_verb(options_of(project), dry_run=dry_run, forget_missing=forget_missing, as_json=as_json))


@app.command()
def demo(
    *,
    isolation: Isolation = None,
    as_json: AsJson = False,
) -> None:
    """Heal a small shop with seven bugs in a temporary folder; leaves nothing behind."""
    from reknit.cli.demo import demo_verb

    raise typer.Exit(demo_verb(isolation, as_json=as_json))
