"""Runs the project's tests: whole suites in clean processes, candidates in forked ones; always in a sandbox."""
