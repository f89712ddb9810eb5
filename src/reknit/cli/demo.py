"""The verb `demo`: a project of ours with bugs, healed in a temporary folder."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from reknit import demo
from reknit.cli.heal import Ticker
from reknit.cli.history import log_verb, turn_verb
from reknit.cli.render import entries_before, show_report
from reknit.config import Options
from reknit.loop import heal
from reknit.model.outcome import Healed, NotHealed, Report

#: CPU seconds, so that a busy machine heals as much as an idle one, which needs half of it by the clock.
_MAX_CPU = 30.0
_MAX_TIME = 120.0


def demo_verb(isolation: str | None) -> int:
    """Copy the shop, heal it, show, apply, undo, and leave nothing behind."""
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="reknit-demo-")).resolve()
    try:
        project, state = folder / "shop", folder / "state"
        _write(project)
        options = Options(
            project=project,
            python=Path(sys.executable),
            apply=True,
            unsafe=True,
            max_time=_MAX_TIME,
            max_cpu=_MAX_CPU,
            isolation=isolation,
            state_dir=state,
            env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the shop needs none, and each start would pay for them
        )
        console.print(
            f"a shop with seven bugs, in {project}; `reknit heal --apply --unsafe --yes` there:\n", soft_wrap=True
        )
        before = {}

        def confirm(report: Report) -> bool:
            before.update(entries_before(project, report))
            return True

        with Ticker() as ticker:
            report = heal(options=options, observe=ticker, confirm=confirm)
        show_report(console, report, before)
        applied = {r.outcome.receipt.id for r in report.rows if isinstance(r.outcome, Healed)}
        console.print(f"\nthen `reknit undo`, {len(applied)} times, and `reknit log`:\n")
        for _ in applied:
            turn_verb("undo", project, None, state)
        log_verb(project, state)
        restored = all((project / name).read_bytes() == data for name, data in demo.files())
        console.print(f"\nevery file is as it was: {'yes' if restored else 'NO'}")
        unhealed = [r for r in report.rows if isinstance(r.outcome, NotHealed)]
        return 0 if restored and applied and unhealed else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(project: Path) -> None:
    for name, data in demo.files():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
