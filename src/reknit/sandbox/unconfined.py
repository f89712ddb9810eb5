"""Level none: a process like any other, with limits; only when the user asks for it by name."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from reknit.sandbox.base import Job, Level, Private, ViewKind
from reknit.sandbox.landlock import private_folders
from reknit.sandbox.mirror import mirror
from reknit.sandbox.process import LaunchedJob, Shown, drop
from reknit.sandbox.spec import plain_spec, process_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfined:
    """Starts jobs as they are; copies go below `scratch`."""

    scratch: Path
    level: Level = Level.NONE

    def start(self, job: Job) -> LaunchedJob:
        """The job, running in the user's tree, or on a copy where the view patches files."""
        folder = Path(tempfile.mkdtemp(prefix="reknit-", dir=self.scratch)).resolve()
        try:
            kind, root = ViewKind.DIRECT, job.view.root
            if job.view.files:
                kind, root = ViewKind.COPY, folder / "project"
                # Nothing would stop a write to the user's history, so the copy has none.
                mirror(job, root, owner=None, link_git=False)
            env = private_folders(job, folder, owner=None)
            spec = plain_spec(job, root=str(root), env=env, scratch=folder)
            spec["rlimits"] += process_limit(job.limits, namespace=False, own_user=False)
            own = [env["HOME"], env["TMPDIR"], *([str(root)] if kind is ViewKind.COPY else [])]
            private = [Private(path=path, changes=path) for path in own]
            shown = Shown(level=self.level, view_kind=kind, root=root, private=private, scratch=folder)
        except BaseException:  # - Ctrl-C too: nobody else knows of the folder
            drop(folder)
            raise
        return LaunchedJob(spec, shown)
