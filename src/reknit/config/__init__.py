"""What a run is asked to do: fixed at the entry, frozen, passed down. What reads files is imported when it is needed."""

from reknit.config.options import Options, find_root

__all__ = ["Options", "find_root"]
