"""The JSON Schema of what `--json` prints, made from the types themselves: `python -m reknit.cli.schema`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from reknit.bench.case import BenchResult
from reknit.cli.configuration import ConfigCheckResult, ConfigShowResult
from reknit.cli.gc import GcResult
from reknit.cli.ledger import LedgerResult
from reknit.cli.results import ApplyResult, ChangeResult, DemoResult, HealResult, LogResult, ShowResult
from reknit.cli.status import StatusResult
from reknit.cli.trust import TrustResult
from reknit.doctor.checkup import Checkup
from reknit.model.document import SCHEMA_VERSION, Problem

#: Verb → the type of its result.
RESULTS: Mapping[str, Any] = {
    "heal": HealResult,
    "show": ShowResult,
    "apply": ApplyResult,
    "undo": ChangeResult,
    "redo": ChangeResult,
    "log": LogResult,
    "status": StatusResult,
    "breaker": StatusResult,
    "config show": ConfigShowResult,
    "config check": ConfigCheckResult,
    "ledger": LedgerResult,
    "trust": TrustResult,
    "doctor": Checkup,
    "gc": GcResult,
    "demo": DemoResult,
    "bench quixbugs": BenchResult,
    "bench inject": BenchResult,
    "bench corpus": BenchResult,
}


def schema() -> dict[str, Any]:
    """One document of any verb, or an error; every field of a definition is always there."""
    kinds = {kind.__name__: kind for kind in (*RESULTS.values(), Problem)}
    refs, defined = TypeAdapter.json_schemas([(n, "serialization", TypeAdapter(kind)) for n, kind in kinds.items()])
    results = [
        _document({"const": verb}, "result", refs[kind.__name__, "serialization"]) for verb, kind in RESULTS.items()
    ]
    error = _document({"type": "string"}, "error", refs["Problem", "serialization"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `reknit VERB --json` prints",
        "anyOf": [*results, error],
        "$defs": {name: _whole(definition) for name, definition in sorted(defined["$defs"].items())},
    }


def _document(verb: Mapping[str, Any], field: str, content: Any) -> dict[str, Any]:
    properties = {
        "schema_version": {"const": SCHEMA_VERSION},
        "verb": verb,
        "exit_code": {"type": "integer"},
        field: content,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _whole(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without the titles that repeat its names; fields with a default are written too."""
    found = {key: value for key, value in definition.items() if key not in {"title", "required"}}
    if "properties" in found:
        found["properties"] = {name: _untitled(field) for name, field in found["properties"].items()}
        found["required"] = list(found["properties"])
    return found


def _untitled(field: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key != "title"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=1) + "\n")
