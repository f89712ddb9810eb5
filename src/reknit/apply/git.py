"""git's plumbing, with all that a repository could make it run turned off."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from reknit.errors import JournalError, UsageError

_SECONDS = 60.0
#: Who the user is, where their settings lie, and what runs git at all.
_PASSED_ON = (
    "PATH", "HOME", "XDG_CONFIG_HOME", "EMAIL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL", "SYSTEMROOT",
)  # fmt: skip
_SET = {
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
}
#: Settings of the repository that would run a program, write outside of the temporary index, or invent an author.
_OVER = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.splitIndex": "false",
    "core.untrackedCache": "false",
    "core.pager": "cat",
    "core.sshCommand": "false",
    "core.alternateRefsCommand": "",
    "credential.helper": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "index.sparse": "false",
    "i18n.commitEncoding": "UTF-8",
    "protocol.allow": "never",
    "user.useConfigOnly": "true",
}


class Git:
    """git in one folder; `index` takes the place of the repository's own."""

    def __init__(self, folder: Path, index: Path | None = None) -> None:
        self._folder = folder
        self._index = index

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What it prints; `JournalError` with its words where it fails."""
        done = self._run(arguments, stdin)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"status {done.returncode}"]
            raise JournalError(
                f"git {arguments[0]} failed: {said[0].removeprefix('fatal: ')}; no branch was made",
                slug="git",
                hint="; ".join(words for line in said[1:] if (words := line.strip(" *")))[:200] or None,
            )
        return done.stdout

    def asks(self, *arguments: str) -> str | None:
        """What it prints, as one line; None where it fails."""
        done = self._run(arguments, b"")
        return None if done.returncode else done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def _run(self, arguments: Sequence[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        over = [word for name, value in _OVER.items() for word in ("-c", f"{name}={value}")]
        try:
            return subprocess.run(
                ["git", "--no-pager", *over, *arguments],
                cwd=self._folder,
                env=self._environment(os.environ),
                input=stdin,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
            )
        except FileNotFoundError as exc:
            raise UsageError("there is no git here; no branch was made", slug="git", hint="install git") from exc
        except subprocess.TimeoutExpired as exc:
            message = f"git {arguments[0]} did not end within {_SECONDS:.0f} seconds; no branch was made"
            raise JournalError(message, slug="git") from exc

    def _environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        found = {name: environ[name] for name in _PASSED_ON if name in environ} | _SET
        return found | ({"GIT_INDEX_FILE": str(self._index)} if self._index else {})
