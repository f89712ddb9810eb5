"""What reknit knows of programming languages, one file per language; never runs the project's code."""
