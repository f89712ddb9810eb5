"""Stage 1 of 7: the world → Signals."""
