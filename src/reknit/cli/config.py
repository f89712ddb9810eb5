"""The verbs of `reknit config`. What they do is imported when one runs, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reknit.cli.arguments import AsJson, Environment, Project

app = typer.Typer(
    name="config",
    help="Show what is set and by whom, and check the files of settings.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def show(
    *,
    project: Project = Path(),
    origin: Annotated[
        bool, typer.Option("--origin", help="With who set each: file and line, variable, default.")
    ] = False,
    env: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Show every setting with its value, as TOML."""
    from reknit.cli.configuration import show_verb

    raise typer.Exit(show_verb(project, env, origin=origin, as_json=as_json))


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="This file instead of those that hold here.", dir_okay=False, show_default=False),
    ] = None,
    *,
    project: Project = Path(),
    env: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong in the files of settings, each with its line and what may have been meant."""
    from reknit.cli.configuration import check_verb

    raise typer.Exit(check_verb(project, file, env, as_json=as_json))
