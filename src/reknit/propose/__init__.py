"""Stage 3 of 7: Fault → Patches."""
