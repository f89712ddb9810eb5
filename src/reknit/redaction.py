"""What looks like a secret is not written down: values by the names that they go by, and the values of named variables."""

from __future__ import annotations

import re
from collections.abc import Mapping

REDACTED = "[redacted]"

#: Characters; what is shorter would be found in texts that have nothing to do with it.
_LEAST_VALUE = 6

_SECRET_PARTS = (
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "cookie",
    "credential",
    "authoriz",
    "authentic",
    "bearer",
    "privatekey",
    "sessionid",
)
#: These are secrets as whole words only: "author" and "monkey" are none.
_SECRET_WORDS = frozenset({"auth", "key", "keys", "otp", "pin", "salt", "nonce", "signature"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
#: A name inside a repr with what leads to its value: 'token': …, password=…, Cookie: …, ('authorization', …).
_KEY = re.compile(r"""(?<![\w-])(?P<name>\w[\w-]*)(?:['"]\s*[:=,]\s*|\s*[:=]\s*)""")
#: A string, or bare text up to what ends it; anything with brackets is no simple value.
_SIMPLE = re.compile(r"""b?'(?:[^'\\]|\\.)*+'|b?"(?:[^"\\]|\\.)*+"|[^,&'"\n()\[\]{}]++(?![('"\[{])""", re.DOTALL)


class Redaction:
    """Takes secrets out of texts: what is called by the name of one, and the values that `variables` have of them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        values = {v for name, v in variables.items() if len(v) >= _LEAST_VALUE and looks_secret(name)}
        # The longest first: one may be a part of another.
        self._values = sorted(values, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        for value in self._values:
            text = text.replace(value, REDACTED)
        return _redact_values(text)


def redact(local_variables: Mapping[str, str]) -> dict[str, str]:
    """The reprs, without those of variables named like secrets and without values of keys named so inside others."""
    return {name: REDACTED if looks_secret(name) else _redact_values(text) for name, text in local_variables.items()}


def looks_secret(name: str) -> bool:
    """Whether a name says that its value should not be seen: password, apiKey, auth_header, SESSION-ID."""
    flat = re.sub(r"[^a-z0-9]", "", name.lower())
    return any(part in flat for part in _SECRET_PARTS) or not _SECRET_WORDS.isdisjoint(
        word.lower() for word in _WORDS.findall(name)
    )


def _redact_values(text: str) -> str:
    done, at = "", 0
    for key in _KEY.finditer(text):
        if key.start() < at or not looks_secret(key["name"]):
            continue
        value = _SIMPLE.match(text, key.end())
        done += text[at : key.end()] + REDACTED
        # Where a nested or shortened value ends cannot be told: the rest goes.
        at = value.end() if value else len(text)
    return done + text[at:]
