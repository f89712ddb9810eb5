"""All that is known about a signal: the code, the machine, the revision, the past.

Names of environment variables are kept, their values never; what looks like a secret is taken out of the locals.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import psutil

from reknit.errors import UsageError
from reknit.model.signal import CodeContext, ErrorContext, Frame, PastSignal, Signal, SystemState, UserContext
from reknit.redaction import redact

T = TypeVar("T")

#: Bytes; the least that a key must have to keep ids from being guessed.
MIN_KEY = 16


def context(
    signal: Signal,
    *,
    probe_facts: Mapping[str, object],
    environment_names: Iterable[str] = (),
    revision: str | None = None,
    history: Iterable[PastSignal] = (),
    user: UserContext | None = None,
    disk: Path | None = None,
) -> ErrorContext:
    """Every field of the error context, secrets redacted; `disk` is a path on the volume to be measured.

    `probe_facts` come from the project's interpreter: `interpreter`, `platform`, `packages` (name → version).
    """
    signal = replace(signal, local_variables=redact(signal.local_variables))
    return ErrorContext(
        signal=signal,
        error=signal.error,
        stack_trace=stack_trace(signal),
        code=_code(signal),
        user=user or UserContext(),
        system=_system(probe_facts, environment_names, revision, disk),
        history=tuple(past for past in history if past.fingerprint == signal.fingerprint),
    )


def stack_trace(signal: Signal) -> str:
    """The frames and the error in the form that Python prints them."""
    error = f"{signal.error.type}: {signal.error.message}" if signal.error.message else signal.error.type
    if not signal.frames:
        return error
    return "\n".join(["Traceback (most recent call last):", *map(_frame_text, signal.frames), error])


def _frame_text(frame: Frame) -> str:
    head = f'  File "{frame.path}", line {frame.line}, in {frame.function}'
    return f"{head}\n    {frame.code}" if frame.code else head


def _code(signal: Signal) -> CodeContext:
    frame = next((f for f in reversed(signal.frames) if f.in_project), None)
    frame = frame or (signal.frames[-1] if signal.frames else Frame(path="", line=0, function=""))
    return CodeContext(
        file=frame.path,
        line=frame.line,
        function=frame.function,
        local_variables=signal.local_variables,
        call_stack=signal.frames,
    )


def _system(
    facts: Mapping[str, object], environment_names: Iterable[str], revision: str | None, disk: Path | None
) -> SystemState:
    packages = facts.get("packages")
    return SystemState(
        interpreter=str(facts.get("interpreter", "unknown")),
        platform=str(facts.get("platform", "unknown")),
        packages={str(k): str(v) for k, v in packages.items()} if isinstance(packages, Mapping) else {},
        revision=revision,
        load=_measured(lambda: psutil.getloadavg()[0]),
        memory_available=_measured(lambda: psutil.virtual_memory().available),
        disk_free=_measured(lambda: psutil.disk_usage(str(disk)).free) if disk is not None else None,
        environment_names=tuple(sorted(set(environment_names))),
    )


def _measured(measure: Callable[[], T]) -> T | None:
    """What was measured, or None on a machine that does not tell: a context is worth more than its last number."""
    try:
        return measure()
    except OSError:
        return None


def hash_user(user_id: str, key: bytes) -> str:
    """Hex HMAC-SHA-256 (RFC 2104) of a user's id: the same user has the same hash, and without the key none is told."""
    if len(key) < MIN_KEY:
        raise UsageError(
            f"the key for user ids has {len(key)} bytes, fewer than {MIN_KEY}; no id was hashed",
            slug="user-key",
            hint="make one with `python -c 'import secrets; print(secrets.token_hex(32))'`",
        )
    return hmac.new(key, user_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
