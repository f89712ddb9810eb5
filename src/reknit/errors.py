"""The errors that reknit raises for people; expected endings are values instead (`model.outcome`).

The tree; every leaf class or call site fixes a slug, which leads to a section of docs/errors.md:

    ReknitError
    ├── UsageError          the command line, a setting or an argument is wrong          exit 2
    ├── CannotJudgeError    no interpreter, no tests, collection failed, no sandbox      exit 4
    │   └── SandboxError    no isolation level works here, or one broke while in use
    ├── ConflictError       a file is not as it was when the patch was made              exit 1
    ├── JournalError        a change of the tree could not be completed or undone        exit 1
    ├── IrreversibleError   a change could not be taken back, and nobody allowed that    exit 5
    ├── GuardError          a figure that a decision needs is none                       exit 2
    ├── StoreError          reknit's own state cannot be read or written                 exit 4
    └── Interrupted         the user has ended the run                                   exit 130
"""

from __future__ import annotations


class ReknitError(Exception):
    """Something that a person must read: what happened, what was not done, what to do."""

    exit_code = 1

    def __init__(self, message: str, *, slug: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.slug = slug
        self.hint = hint


class UsageError(ReknitError):
    """The command line, a setting or an argument cannot be used as given."""

    exit_code = 2


class CannotJudgeError(ReknitError):
    """Nothing can be said about the program, and nothing was changed."""

    exit_code = 4


class SandboxError(CannotJudgeError):
    """No isolation level works on this machine, or the one in use broke."""


class ConflictError(ReknitError):
    """A file differs from the one that the patch was made for; nothing was written."""

    def __init__(
        self,
        path: str,
        *,
        why: str = "changed since the patch was made",
        hint: str = "run `reknit heal` again to get a patch for the file as it is now",
    ) -> None:
        super().__init__(f"{path} {why}; nothing was written", slug="conflict", hint=hint)
        self.path = path
        #: Of an undo or a redo that others are in the way of: what it left in the file, and what is there now.
        self.left: bytes | None = None
        self.found: bytes | None = None


class JournalError(ReknitError):
    """A change of the tree could not be completed or undone."""


class IrreversibleError(ReknitError):
    """A change would leave what cannot be taken back; nothing was written."""

    exit_code = 5

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"this change cannot be taken back: {reason}; nothing was written",
            slug="irreversible",
            hint="`--irreversible` writes it all the same",
        )
        self.reason = reason


class GuardError(ReknitError):
    """A figure that a decision over time needs is none, or time went back; nothing was decided and no state changed."""

    exit_code = 2


class StoreError(ReknitError):
    """Reknit's own state cannot be read or written."""

    exit_code = 4


class Interrupted(ReknitError):  # noqa: N818 - it is the user's wish
    """The user has ended the run."""

    exit_code = 130

    def __init__(self, message: str) -> None:
        super().__init__(message, slug="interrupted")
