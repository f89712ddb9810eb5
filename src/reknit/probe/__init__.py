"""Runs inside the project's interpreter: standard library and the project's pytest only, Python 3.9+.

Started by file path (`start.py`), never as `reknit.probe`: that would run reknit's own code there.
"""
