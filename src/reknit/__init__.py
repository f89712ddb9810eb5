"""Self-healing for Python programs: find the fault, prove a patch, apply it reversibly."""
