"""The settings of a run: from the flags that were given, the process's environment, and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from reknit.cli.text import printable
from reknit.config import find_root
from reknit.config.load import Loaded, load
from reknit.store.place import project_state


def settled(project: Path, flags: Mapping[str, object], state_base: Path | None) -> Loaded:
    """The settings for the project around `project`; what a person should know of them is said on stderr."""
    root = find_root(project)
    loaded = load(root, flags=flags, environ=os.environ, state=project_state(root, state_base))
    for note in loaded.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    return loaded
