from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.diagnose.context import MIN_KEY, context, hash_user
from reknit.errors import UsageError
from reknit.model.codec import dumps, loads
from reknit.model.signal import ErrorContext, ErrorInfo, Frame, PastSignal, Signal, SignalKind, UserContext
from reknit.redaction import REDACTED, looks_secret, redact

FRAMES = (
    Frame(path="tests/test_a.py", line=3, function="test_a", code="assert f(None) == 1"),
    Frame(path="src/a.py", line=7, function="f", code="return x.y"),
    Frame(path="/usr/lib/python3/enum.py", line=9, function="__call__", in_project=False),
)
FACTS: dict[str, object] = {"interpreter": "CPython 3.12.1", "platform": "Linux", "packages": {"attrs": "23.1"}}


def signal(**changes: Any) -> Signal:
    error = ErrorInfo(type="AttributeError", message="no y")
    return Signal(
        **{"kind": SignalKind.TEST, "error": error, "test": "tests/test_a.py::test_a", "frames": FRAMES, **changes}
    )


def past(fingerprint: str) -> PastSignal:
    return PastSignal(at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), fingerprint=fingerprint, delta=1.0, outcome="healed")


def test_every_field_is_filled(tmp_path: Path) -> None:
    sign = signal(local_variables={"x": "None"})
    user = UserContext(user_hash="ab", method="GET", route="/", release="1")
    made = context(
        sign,
        probe_facts=FACTS,
        environment_names=["PATH", "HOME", "PATH"],
        revision="a" * 40,
        history=[past(sign.fingerprint), past("another")],
        user=user,
        disk=tmp_path,
    )
    assert made.signal == sign
    assert made.error == sign.error
    assert (made.code.file, made.code.line, made.code.function) == ("src/a.py", 7, "f")
    assert made.code.local_variables == {"x": "None"}
    assert made.code.call_stack == FRAMES
    assert made.user == user
    assert (made.system.interpreter, made.system.platform) == ("CPython 3.12.1", "Linux")
    assert made.system.packages == {"attrs": "23.1"}
    assert made.system.revision == "a" * 40
    assert made.system.environment_names == ("HOME", "PATH")
    assert made.system.load is not None
    assert (made.system.memory_available or 0) > 0
    assert (made.system.disk_free or 0) > 0
    assert made.history == (past(sign.fingerprint),)
    assert loads(ErrorContext, dumps(ErrorContext, made)) == made


def test_the_stack_trace_reads_like_pythons() -> None:
    assert context(signal(frames=FRAMES[1:]), probe_facts={}).stack_trace.splitlines() == [
        "Traceback (most recent call last):",
        '  File "src/a.py", line 7, in f',
        "    return x.y",
        '  File "/usr/lib/python3/enum.py", line 9, in __call__',
        "AttributeError: no y",
    ]


def test_little_is_known() -> None:
    made = context(signal(frames=(), error=ErrorInfo(type="E", message="")), probe_facts={"packages": "all"})
    assert made.stack_trace == "E"
    assert (made.code.file, made.code.line) == ("", 0)
    assert made.system.interpreter == "unknown"
    assert made.system.packages == {}
    assert made.system.disk_free is None


def test_code_outside_the_project_is_the_last_resort() -> None:
    assert context(signal(frames=FRAMES[2:]), probe_facts={}).code.function == "__call__"


def test_a_machine_that_does_not_tell_its_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr(psutil, "getloadavg", refuse)
    assert context(signal(), probe_facts={}).system.load is None


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWD", "db_password2", "token", "accessToken", "CSRFToken", "client_secret", "key", "api_key",
        "apiKey", "APIKey", "X-Api-Key", "auth", "auth_header", "Authorization", "cookie", "Set-Cookie", "session_id",
        "SECRET_KEY", "private_key", "credentials", "pwd", "_auth",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["author", "monkey", "keyboard", "count", "self", "x", "turkey", "spin", "", "éa"])
def test_names_of_no_secrets(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "text",
    [
        "{'user': 'ada', 'password': 'hunter2'}",
        "{'user': 'ada', 'password': \"hunter2\", 'n': 1}",
        "Config(user='ada', api_key='hunter2', port=1)",
        "Config(user='ada', token=hunter2)",
        "{'user': 'ada', 'headers': {'Authorization': 'Bearer hunter2'}}",
        "'user=ada&token=hunter2'",
        "b'user: ada\\r\\nAuthorization: Bearer hunter2'",
        "'user: ada; Cookie: a=1; sid=hunter2'",
        "['user', 'ada', (b'cookie', b'hunter2')]",
        "{'user': 'ada', 'cookies': {'sid': 'hunter2'}}",
        "{'user': 'ada', 'token': Token('hunter2')}",
        "{'user': 'ada', 'token': 'hunter2 and shorten...",
        "{'user': 'ada', 'tokens': ['a', 'hunter2']}",
        "{'user': 'ada', 'secret': b'it\\'s hunter2'}",
    ],
)
def test_secrets_inside_other_values(text: str) -> None:
    shown = redact({"config": text})["config"]
    assert "hunter2" not in shown
    assert REDACTED in shown
    assert "ada" in shown


def test_what_follows_a_secret_stays() -> None:
    text = "{'a': 1, 'token': 'x', 'b': [2], 'pin': 4, 'c': 3}"
    assert redact({"v": text})["v"] == "{'a': 1, 'token': [redacted], 'b': [2], 'pin': [redacted], 'c': 3}"


def test_a_secret_inside_a_secret_is_taken_out_once() -> None:
    assert redact({"v": "{'token': 'password=x', 'b': 1}"})["v"] == "{'token': [redacted], 'b': 1}"


@given(st.dictionaries(st.text(), st.text()))
def test_names_stay_and_only_secrets_go(variables: dict[str, str]) -> None:
    shown = redact(variables)
    assert shown.keys() == variables.keys()
    for name, text in variables.items():
        assert shown[name] == text or REDACTED in shown[name]
        assert not looks_secret(name) or shown[name] == REDACTED


@given(
    st.text(alphabet=st.characters(categories=["L", "N"]), min_size=4).filter(lambda v: not looks_secret(v)),
    st.sampled_from(["password", "auth_token", "X-Api-Key"]),
)
def test_no_repr_of_a_secret_gets_through(value: str, name: str) -> None:
    hidden = f"<<{value}>>"
    made = context(
        signal(
            local_variables={name: repr(hidden), "data": repr({"a": 1, name: hidden}), "deep": repr([{name: [hidden]}])}
        ),
        probe_facts={},
    )
    assert hidden not in str(made.signal.local_variables)
    assert hidden not in str(made.code.local_variables)


def test_redaction_does_not_change_the_fingerprint() -> None:
    sign = signal(local_variables={"token": "'x'"})
    assert context(sign, probe_facts={}).signal.fingerprint == sign.fingerprint


def test_a_user_has_one_hash_under_one_key() -> None:
    key, other = b"k" * 32, b"l" * 32
    assert hash_user("ada", key) == hash_user("ada", key)
    assert len({hash_user("ada", key), hash_user("bob", key), hash_user("ada", other)}) == 3
    assert hash_user("Jefe?", b"what do ya want for nothing?") != hash_user("Jefe", b"what do ya want for nothing?")


def test_the_hash_is_hmac_sha256() -> None:
    # RFC 4231, test case 1.
    expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert hash_user("Hi There", b"\x0b" * 20) == expected


def test_a_short_key_is_refused() -> None:
    with pytest.raises(UsageError, match="no id was hashed"):
        hash_user("ada", b"k" * (MIN_KEY - 1))
