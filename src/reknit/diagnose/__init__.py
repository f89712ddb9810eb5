"""Stage 2 of 7: Signal → Fault. Gathers what is known about a signal and ranks the places that may have caused it."""

from reknit.diagnose.base import Localizer

__all__ = ["Localizer"]
