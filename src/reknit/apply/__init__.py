"""Stage 5 of 7: Patch and Verdicts → Receipt.

`tree` reads and writes files without leaving the project, `records` keeps what is about to be done and what was done,
`journal` puts the two together so that a crash leaves exactly the old tree or exactly the new one, and `carry`,
`difference` and `reverse` take a change back though others were made after it.
"""
