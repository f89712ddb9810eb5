"""The settings of a run: from the flags that were given, the process's environment, and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reknit.cli.text import printable
from reknit.config import Options, find_root
from reknit.config.load import Loaded, load
from reknit.errors import UsageError
from reknit.store.place import project_state


def settled(project: Path, flags: Mapping[str, object], state_base: Path | None) -> Loaded:
    """The settings for the project around `project`; what a person should know of them is said on stderr."""
    root = find_root(project)
    loaded = load(root, flags=flags, environ=os.environ, state=project_state(root, state_base))
    for note in loaded.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    return loaded


def audited(options: Options) -> Options:
    """`options` with what the settings say of the ledger; where they cannot be read, there is one.

    What a user takes back or stops by hand must not wait for a file of settings to be mended.
    """
    root = find_root(options.project)
    try:
        held = load(root, flags={}, environ=os.environ, state=project_state(root, options.state_dir)).options
    except UsageError as exc:
        print(f"note: {printable(exc.message.removesuffix('; nothing was run'))}", file=sys.stderr)
        return replace(options, auditing_enabled=True)
    return replace(options, auditing_enabled=held.auditing_enabled, strict_policies=held.strict_policies)
