"""What reknit finds of a project, what keeps it from healing there, and the one command that mends each.

Nothing is called well that was not looked at: what could not be checked, because something before it is missing, is
said to be unchecked. What is run of the project (its interpreter, and pytest's collection) runs in the sandbox.
"""
