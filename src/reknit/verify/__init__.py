"""Stage 4 of 7: Patch → Verdict. Only a clean process, from disk, accepts."""
