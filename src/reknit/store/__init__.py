"""What reknit remembers between runs: reports, proposed patches, signals. The journal does not depend on it."""
