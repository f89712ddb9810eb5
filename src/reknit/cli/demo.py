"""The verb `demo`: a project of ours with bugs, healed in a temporary folder."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from reknit import changes, demo
from reknit.cli import results
from reknit.cli.heal import Ticker
from reknit.cli.history import log_verb, turn_verb
from reknit.cli.render import entries_before, show_report
from reknit.config import Options
from reknit.loop import heal
from reknit.model.outcome import Healed, NotHealed, Report
from reknit.model.patch import Entry

#: CPU seconds, so that a busy machine heals as much as an idle one, which needs half of it by the clock.
_MAX_CPU = 30.0
_MAX_TIME = 120.0


def demo_verb(isolation: str | None, *, as_json: bool = False) -> int:
    """Copy the shop, heal it, show, apply, undo, and leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="reknit-demo-")).resolve()
    try:
        options = _options(folder, isolation)
        _write(options.project)
        tell = Console(quiet=as_json)
        tell.print(
            f"a shop with seven bugs, in {options.project}; `reknit heal --apply --unsafe --yes` there:\n",
            soft_wrap=True,
        )
        report, before = _heal(options)
        show_report(tell, report, before)
        applied = {r.outcome.receipt.id for r in report.rows if isinstance(r.outcome, Healed)}
        tell.print(f"\nthen `reknit undo`, {len(applied)} times, and `reknit log`:\n")
        restored = _take_back(options, len(applied), quiet=as_json)
        tell.print(f"\nevery file is as it was: {'yes' if restored else 'NO'}")
        unhealed = [r for r in report.rows if isinstance(r.outcome, NotHealed)]
        status = 0 if restored and applied and unhealed else 1
        if as_json:
            acts = results.changes(changes.history(options=options))
            patches = results.patch_texts(report, before)
            results.emit(
                "demo", results.DemoResult(report=report, patches=patches, changes=acts, restored=restored), status
            )
        return status
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _options(folder: Path, isolation: str | None) -> Options:
    return Options(
        project=folder / "shop",
        python=Path(sys.executable),
        apply=True,
        unsafe=True,
        max_time=_MAX_TIME,
        max_cpu=_MAX_CPU,
        isolation=isolation,
        state_dir=folder / "state",
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the shop needs none, and each start would pay for them
    )


def _heal(options: Options) -> tuple[Report, dict[str, Entry]]:
    """The report, and the files that it is about as they were before."""
    before: dict[str, Entry] = {}

    def confirm(report: Report) -> bool:
        before.update(entries_before(options.project, report))
        return True

    with Ticker() as ticker:
        return heal(options=options, observe=ticker, confirm=confirm), before


def _take_back(options: Options, count: int, *, quiet: bool) -> bool:
    """Undo all, and list it; whether every file is as it was."""
    for _ in range(count):
        if quiet:
            changes.rollback(options=options)
        else:
            turn_verb("undo", options, None)
    if not quiet:
        log_verb(options)
    return all((options.project / name).read_bytes() == data for name, data in demo.files())


def _write(project: Path) -> None:
    for name, data in demo.files():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
