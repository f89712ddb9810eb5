"""The heart of a small web shop."""
