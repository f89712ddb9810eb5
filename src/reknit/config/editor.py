"""The JSON Schema of a file of settings, for editors, made from the types: `python -m reknit.config.editor`."""

from __future__ import annotations

import json
import sys
from typing import Any

from reknit.config.schema import RULES, FileSettings


def schema() -> dict[str, Any]:
    """Of a whole file, that is reknit.toml, the user's config.toml, or the table tool.reknit of a pyproject.toml."""
    found = FileSettings.model_json_schema()
    definitions = {name: _plain(each) for name, each in sorted(found.pop("$defs").items())}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of reknit",
        **{key: value for key, value in _plain(found).items() if key != "title"},
        "description": "reknit.toml, or [tool.reknit] in pyproject.toml; docs/configuration.md explains each setting.",
        "$defs": definitions,
    }


def _plain(node: Any) -> Any:
    """Without titles that repeat names, and without null, which TOML does not have; with the rule of each setting."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _plain(value) for key, value in node.items() if key not in {"title", "default"}}
    if "properties" in kept:
        kept["properties"] = {name: _ruled(name, each) for name, each in kept["properties"].items()}
    options = [each for each in kept.pop("anyOf", []) if each != {"type": "null"}]
    return {**options[0], **kept} if options else kept


def _ruled(name: str, node: dict[str, Any]) -> dict[str, Any]:
    if name not in RULES:
        return node
    return {**node, "description": f"{node['description']} In a project's file: {RULES[name].words}."}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=1) + "\n")
