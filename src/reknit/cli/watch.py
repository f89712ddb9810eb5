"""`reknit heal --watch`: the verb again, in a process of its own, whenever a file of the project is saved.

A process a run: what is broken off leaves nothing behind here, and Ctrl-C ends a run as it does without watching.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from reknit.cli.text import printable
from reknit.config import find_root
from reknit.errors import CannotJudgeError, Interrupted, UsageError

#: Milliseconds: a save counts once nothing has changed for so long, or so long after the first change at most.
_QUIET, _AT_MOST = 100, 800
#: Milliseconds between two looks at whether the run has ended.
_LOOK = 250
#: Seconds that a run gets to take back what it was doing.
_GRACE = 15.0

#: Names that are never of interest, wherever they are; nor is what begins with a dot.
_NOISE = {"__pycache__", "node_modules", "site-packages"}
#: Names that are not of interest at the top of the project.
_MADE = {"build", "dist", "htmlcov", "venv", "env"}
_NOISE_ENDINGS = (".pyc", ".pyo", ".egg-info", ".swp", ".swx", ".tmp", ".log", ".orig", ".rej", "~")
#: What a person edits while a run is going on; other files that change then may be written by the tests themselves.
_SOURCE = {".py", ".pyi", ".toml", ".cfg", ".ini"}


def watch_verb(project: Path, words: Sequence[str], *, apply: bool, as_json: bool) -> int:
    """Run `reknit` with `words` (those of the command line) now and after each save, until Ctrl-C: `Interrupted`.

    A save during a run breaks it off and starts another. Nothing is ever written. 2 if the command line cannot be used.
    """
    for given, option in ((apply, "--apply"), (as_json, "--json")):
        if given:
            raise UsageError(f"--watch only shows, so {option} does not go with it; nothing was run", slug="option")
    root, first = find_root(project), True
    saves = _saves(root, _watcher())
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    run: subprocess.Popen[bytes] | None = None
    waiting = False
    try:
        for changed in saves:
            saved = [path for path in changed if waiting or path.suffix in _SOURCE]
            if run is None or saved:
                first = run is None
                _tell(f"watching {root}; Ctrl-C ends it" if first else f"saved: {_names(root, saved)}")
                _stop(run)
                run, waiting = _start(words), False
            elif not waiting and run.poll() is not None:
                if first and run.returncode == UsageError.exit_code:
                    return run.returncode
                _tell("waiting for a save")
                waiting = True
    except KeyboardInterrupt:
        raise Interrupted("no longer watching") from None
    finally:
        _stop(run)
    return 0


def _watcher() -> Callable[..., Iterator[set[tuple[Any, str]]]]:
    try:
        from watchfiles import watch
    except ImportError as exc:
        message = "--watch needs the package watchfiles, which is not installed; nothing was run"
        raise UsageError(message, slug="no-watchfiles", hint="pip install 'reknit[watch]'") from exc
    return watch


def _saves(root: Path, watch: Callable[..., Iterator[set[tuple[Any, str]]]]) -> Iterator[list[Path]]:
    """The files that were saved together, again and again; none where it was only time to look at the run."""
    try:
        for changes in watch(
            root,
            watch_filter=lambda _change, path: not is_noise(root, Path(path)),
            debounce=_AT_MOST,
            step=_QUIET,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            yield sorted({Path(path) for _, path in changes})
    except (OSError, RuntimeError) as exc:
        message = f"{root} cannot be watched: {exc}; what was running was ended"
        hint = "raise the limit fs.inotify.max_user_watches, or set WATCHFILES_FORCE_POLLING=1"
        raise CannotJudgeError(message, slug="watch", hint=hint) from exc


def is_noise(root: Path, path: Path) -> bool:
    """Whether a file that changed says nothing about the program: caches, environments, what editors leave."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if not parts or parts[0] in _MADE:
        return True
    if any(p in _NOISE or p.startswith(".") or p.endswith(_NOISE_ENDINGS) for p in parts):
        return True
    folders = (root / PurePath(*parts[:depth]) for depth in range(1, len(parts)))
    return any((folder / "pyvenv.cfg").exists() for folder in folders)


def child_words(words: Sequence[str]) -> list[str]:
    """The command line of one run: as it is, without watching, and not applying whatever the settings say."""
    end = words.index("--") if "--" in words else len(words)
    own = [word for word in words[1:end] if word != "--watch"]
    return [words[0], "--no-apply", *own, *words[end:]]


def _start(words: Sequence[str]) -> subprocess.Popen[bytes]:
    # -P: no module of the folder that we are in; a group of its own: Ctrl-C comes to it once, from us.
    program = [sys.executable, "-P", "-c", "from reknit.cli.main import run; run()"]
    return subprocess.Popen([*program, *child_words(words)], stdin=subprocess.DEVNULL, process_group=0)


def _stop(run: subprocess.Popen[bytes] | None) -> None:
    if run is None or run.poll() is not None:
        return
    run.send_signal(signal.SIGINT)
    try:
        run.wait(_GRACE)
    except subprocess.TimeoutExpired:
        run.kill()
        run.wait()


def _names(root: Path, paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(p.relative_to(root).as_posix() for p in paths[:3]) + more


def _tell(text: str) -> None:
    print(f"-- {printable(text)}", file=sys.stderr, flush=True)
