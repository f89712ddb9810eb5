"""The debug log of one project: what its runs told those who watched, a JSON object a line, redacted and bounded."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from reknit import __version__
from reknit.config import Options
from reknit.events import Observer, Progress
from reknit.redaction import Redaction

LOG, OLDER = "debug.log", "debug.1.log"
#: Bytes of each of the two files; characters of a text.
_MOST_BYTES, _TEXT = 2 << 20, 2000


@contextlib.contextmanager
def logging(options: Options, state: Path, observe: Observer) -> Iterator[Observer]:
    """An observer that logs what it is told and tells it on; it is the given one where no log is kept."""
    if not options.verbose_logging:
        yield observe
        return
    log = _logger(state, Redaction({**os.environ, **options.env}))
    log("run began", version=__version__, python=platform.python_version(), system=platform.platform())

    def tell(event: Progress) -> None:
        if event.text:
            log(event.text, stage=event.stage, tried=event.tried)
        observe(event)

    try:
        yield tell
    except BaseException as exc:
        log("run ended", error=f"{type(exc).__name__}: {exc}")
        raise
    log("run ended")


def _logger(state: Path, redact: Callable[[str], str]) -> Callable[..., Any]:
    import structlog

    def clean(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {k: redact(v)[:_TEXT] if isinstance(v, str) else v for k, v in event.items() if v is not None}

    logger = structlog.wrap_logger(
        _File(state),
        processors=[
            clean,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.BoundLogger,
        context_class=dict,
    ).bind(process=os.getpid())
    return logger.msg  # type: ignore[no-any-return]


class _File:
    """Two files that take turns; what cannot be written is lost, since nothing depends on it."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def msg(self, line: str) -> None:
        """Add a line."""
        path = self._state / LOG
        with contextlib.suppress(OSError):
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_size >= _MOST_BYTES:
                    path.replace(self._state / OLDER)
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(line.encode("utf-8", "backslashreplace") + b"\n")
