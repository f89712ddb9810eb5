"""What is taken out of a text; names of secrets and reprs are tried with the error context, in tests/unit/diagnose."""

from __future__ import annotations

import pytest

from reknit.redaction import REDACTED, Redaction

VARIABLES = {"API_TOKEN": "tok-12345", "LONGER_TOKEN": "tok-12345-6789", "PIN": "1234", "HOME": "/home/user"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it was tok-12345 and tok-12345-6789", f"it was {REDACTED} and {REDACTED}"),
        ("line 1234 of /home/user", "line 1234 of /home/user"),
        ("password=hunter2, user=ada", f"password={REDACTED}, user=ada"),
        ("nothing to see", "nothing to see"),
    ],
)
def test_secrets_by_value_and_by_name(text: str, shown: str) -> None:
    """A value that is short is found everywhere, and says little."""
    assert Redaction(VARIABLES)(text) == shown
