"""Self-healing for Python programs: find the fault, prove a patch, apply it reversibly."""

__version__ = "0.1.0"
