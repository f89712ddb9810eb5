"""Isolation for the project's code: levels found by trying them."""

from reknit.sandbox.base import Job, Level, Limits, Private, Running, Sandbox, View, ViewKind
from reknit.sandbox.find import find

__all__ = ["Job", "Level", "Limits", "Private", "Running", "Sandbox", "View", "ViewKind", "find"]
