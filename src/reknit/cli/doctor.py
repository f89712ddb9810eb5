"""The verb `doctor`."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from reknit.cli import results
from reknit.cli.heal import Ticker
from reknit.cli.render import say
from reknit.cli.text import printable
from reknit.config import Options
from reknit.doctor.checkup import Checkup, Health
from reknit.doctor.examine import examine
from reknit.errors import CannotJudgeError
from reknit.events import Progress

_MARKS = {
    Health.WELL: ("✓", "green"),
    Health.DOUBTFUL: ("!", "yellow"),
    Health.ILL: ("✗", "red"),
    Health.UNCHECKED: ("–", "dim"),
}


def doctor_verb(options: Options, *, as_json: bool = False) -> int:
    """Examine the project and say what was found; 0 if reknit can heal there, else 4."""
    with Ticker() as ticker:
        checkup = examine(options, lambda text: ticker(Progress(stage="doctor", text=text)))
    status = 0 if checkup.can_heal else CannotJudgeError.exit_code
    if as_json:
        return results.emit("doctor", checkup, status)
    show(Console(), checkup)
    return status


def show(console: Console, checkup: Checkup) -> None:
    """Print the findings in order, each with what mends it, and what they come to."""
    width = max(len(f.topic) for f in checkup.findings)
    for finding in checkup.findings:
        mark, style = _MARKS[finding.health]
        say(console, Text.assemble((mark, style), f" {finding.topic:<{width}}  ", printable(finding.text)))
        for detail in finding.details:
            say(console, Text(f"{'':{width}}      {printable(detail)}", "dim"))
        if finding.fix is not None:
            say(console, Text(f"{'':{width}}    try: {printable(finding.fix)}", "bold"))
        if finding.slug is not None:
            say(console, Text(f"{'':{width}}    more: docs/errors.md#{finding.slug}", "dim"))
    doubtful = any(f.slug == "collection" for f in checkup.findings)
    style = ("yellow" if doubtful else "green") if checkup.can_heal else "red"
    say(console, Text(checkup.summary, style))
