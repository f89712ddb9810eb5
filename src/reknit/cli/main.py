"""The verbs. What they do lives elsewhere and is imported when a verb runs, so that `--help` is quick."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from reknit.bench.cli import app as bench
from reknit.errors import ReknitError

app = typer.Typer(
    name="reknit",
    help="Heals Python programs: finds what a failing test points at, proves a patch, applies it reversibly.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(bench, name="bench")

Project = Annotated[
    Path, typer.Option("--project", "-C", help="The project, or any folder in it.", file_okay=False, show_default=False)
]
Id = Annotated[str | None, typer.Argument(help="Its first digits are enough.", show_default=False)]


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
        print("interrupted; `reknit log` lists what was written", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; the last flush must not fail
        return 1
    except Exception as exc:  # - click's own errors (usage, bad parameters) have no public base; others go on
        show = getattr(exc, "show", None)
        if show is None:
            raise
        show()
        return 2
    return status if isinstance(status, int) else 0


def _explain(exc: ReknitError) -> int:
    from reknit.cli.text import printable

    print(f"reknit: {printable(exc.message)}", file=sys.stderr)
    if exc.hint:
        print(f"  try: {printable(exc.hint)}", file=sys.stderr)
    print(f"  more: docs/errors.md#{exc.slug}", file=sys.stderr)
    return exc.exit_code


def state_base() -> Path | None:
    """Where state lives, if the user has said so."""
    place = os.environ.get("REKNIT_STATE_DIR")
    return Path(place) if place else None


@app.command()
def heal(
    pytest_args: Annotated[
        list[str] | None, typer.Argument(help="Arguments for pytest, after --.", metavar="[-- PYTEST ARGUMENTS]")
    ] = None,
    *,
    project: Project = Path(),
    python: Annotated[
        Path | None, typer.Option(help="The project's interpreter or virtual environment.", show_default=False)
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write patches whose label is safe.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="With --apply: write plausible patches too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
    max_time: Annotated[float, typer.Option(help="Seconds for the whole run.")] = 300.0,
    fuel: Annotated[
        int | None,
        typer.Option(help="Ticks a candidate may use; by default 60 times the tests' own.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="For choices left to chance; so far there are none.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Workers side by side; at most 2 by default.", show_default=False)
    ] = None,
    isolation: Annotated[
        str | None,
        typer.Option(help="bubblewrap, landlock, seatbelt or none; by default the best here.", show_default=False),
    ] = None,
) -> None:
    """Find failing tests, search for patches and prove them; writes nothing without --apply."""
    from reknit.cli.heal import heal_verb
    from reknit.config import Options

    options = Options(
        project=project,
        python=python,
        pytest_args=tuple(pytest_args or ()),
        max_time=max_time,
        fuel=fuel,
        seed=seed,
        jobs=jobs,
        apply=apply,
        unsafe=unsafe,
        isolation=isolation,
        state_dir=state_base(),
    )
    raise typer.Exit(heal_verb(options, ask=not yes))


@app.command()
def show(patch: Id = None, *, project: Project = Path()) -> None:
    """Show a proposed patch with its evidence; the last run's without an ID."""
    from reknit.cli.history import show_verb

    raise typer.Exit(show_verb(project, patch, state_base()))


@app.command()
def apply(patch: Id = None, *, project: Project = Path()) -> None:
    """Write a proposed patch; the last run's if it proposed one only."""
    from reknit.cli.history import apply_verb

    raise typer.Exit(apply_verb(project, patch, state_base()))


@app.command()
def undo(receipt: Id = None, *, project: Project = Path()) -> None:
    """Take an applied patch back; the last one without an ID."""
    from reknit.cli.history import turn_verb

    raise typer.Exit(turn_verb("undo", project, receipt, state_base()))


@app.command()
def redo(receipt: Id = None, *, project: Project = Path()) -> None:
    """Apply again what was taken back; the last one without an ID."""
    from reknit.cli.history import turn_verb

    raise typer.Exit(turn_verb("redo", project, receipt, state_base()))


@app.command()
def log(*, project: Project = Path()) -> None:
    """List what was applied, undone and redone here."""
    from reknit.cli.history import log_verb

    raise typer.Exit(log_verb(project, state_base()))


@app.command()
def demo(
    *,
    isolation: Annotated[
        str | None,
        typer.Option(help="bubblewrap, landlock, seatbelt or none; by default the best here.", show_default=False),
    ] = None,
) -> None:
    """Heal a small shop with seven bugs in a temporary folder; leaves nothing behind."""
    from reknit.cli.demo import demo_verb

    raise typer.Exit(demo_verb(isolation))
