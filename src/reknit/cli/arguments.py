"""What several verbs are asked with, and how a shell completes it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reknit.config import Options


def state_base() -> Path | None:
    """Where state lives, if the user has said so."""
    place = os.environ.get("REKNIT_STATE_DIR")
    return Path(place) if place else None


def options_of(project: Path) -> Options:
    """What a verb without settings of its own works with."""
    from reknit.config import Options

    return Options(project=project, state_dir=state_base())


Project = Annotated[
    Path, typer.Option("--project", "-C", help="The project, or any folder in it.", file_okay=False, show_default=False)
]


def complete_patches(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of proposed patches that begin so."""
    from reknit.cli.complete import patches

    return patches(options_of(ctx.params.get("project") or Path()), incomplete)


def _receipts(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from reknit.cli.complete import receipts

    return receipts(options_of(ctx.params.get("project") or Path()), incomplete, applied=ctx.info_name == "undo")


def _isolations(incomplete: str) -> list[str]:
    from reknit.cli.complete import isolations

    return isolations(incomplete)


PatchId = Annotated[
    str | None, typer.Argument(help="Its first digits are enough.", show_default=False, autocompletion=complete_patches)
]
ReceiptId = Annotated[
    str | None,
    typer.Argument(
        help="The first digits of a receipt's id, or of its patch's.", show_default=False, autocompletion=_receipts
    ),
]
Python = Annotated[
    Path | None, typer.Option(help="The project's interpreter or virtual environment.", show_default=False)
]
Environment = Annotated[
    str | None, typer.Option(help="development, staging or production: which settings hold.", show_default=False)
]
Isolation = Annotated[
    str | None,
    typer.Option(
        help="bubblewrap, landlock, seatbelt or none; by default the best here.",
        show_default=False,
        autocompletion=_isolations,
    ),
]
Reason = Annotated[str, typer.Option(help="Why, for `reknit log`.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, errors too.")]
