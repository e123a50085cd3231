"""Checks with pydantic models: errors in one line that names the key, and JSON schemas."""

from __future__ import annotations

import difflib
from typing import Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from ..errors import StrataflowError

Schema = dict[str, Any]
Keys = list[Any]
Error = dict[str, Any]

# Types of JSON schema in plain words, with an example.
TYPES = {
    "integer": "a whole number, such as 8",
    "number": "a number, such as 0.5",
    "string": "text",
    "boolean": "true or false",
    "array": "a list, such as [128, 128, 128]",
    "object": "keys with values, such as {epochs: 10}",
    "null": "null",
}

# What is expected of a value, by the type of the error in pydantic.
LIMITS = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "a list of {min_length} values",
    "too_long": "a list of {max_length} values",
}


def matching(pattern: str, expected: str) -> Any:
    """Require text that matches `pattern`; errors say what is `expected`."""
    return Field(pattern=pattern, json_schema_extra={"expected": expected})


def validated(content: Any, model: TypeAdapter[Any], what: str) -> Any:
    """Check `content` against a model.

    Args:
        content: Parsed content, which stays as it is.
        model: What it must be.
        what: Name of the content in error messages.

    Returns:
        The content as the model, with the defaults of missing keys.

    Raises:
        StrataflowError: A value is invalid or a key is unknown. The message names the key, the
            expected value, and for an unknown key the most similar one.
    """
    try:
        return model.validate_python(content)
    except ValidationError as error:
        errors = [_located(dict(found), content) for found in error.errors()]
    # Unknown keys come first, because a missing key may be a misspelt one. Then come high levels.
    unknown = ("extra_forbidden", "name")
    path, first = min(
        (one for one in errors if not _is_of_other_type(*one, errors)),
        key=lambda one: (one[1]["type"] not in unknown, len(one[0])),
    )
    place = ": ".join(filter(None, (what, ".".join(map(str, path)))))
    raise StrataflowError(f"{place}: {_reason(first, path, schema_of(model))}")


def schema_of(model: TypeAdapter[Any]) -> Schema:
    """Return the JSON schema of a model, with definitions in the place of references to them."""
    schema = model.json_schema()
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            # Descriptions have line breaks.
            return " ".join(part.split()) if isinstance(part, str) else part
        whole = definitions.get(part.get("$ref", "").removeprefix("#/$defs/"), {}) | part
        # Titles repeat the name of the key.
        return {key: resolved(v) for key, v in whole.items() if key not in ("$ref", "title")}

    return dict(resolved(schema))


def alternatives(schema: Schema) -> list[Schema]:
    """Return the schemas of the types that a value may have."""
    return list(schema.get("anyOf", [schema]))


def _located(error: Error, content: Any) -> tuple[Keys, Error]:
    """Return the keys and indices that lead to an error, and the error.

    pydantic also names the types of a value of several types, and puts the name of a key that is
    wrong itself last.
    """
    path: Keys = []
    for part in error["loc"]:
        if (isinstance(content, dict) and part in content) or (
            isinstance(content, list) and isinstance(part, int)
        ):
            content = content[part]
            path.append(part)
    if error["type"] == "invalid_key" or "[key]" in error["loc"]:
        *_, name = (part for part in error["loc"] if part != "[key]")
        quoted = f"put the name in quotes: '{name}'"
        right = "expected letters, digits, - and _" if "pattern" in error["type"] else quoted
        # The name itself is not in the path if it is neither text nor a number, such as null.
        parent = path[:-1] if name in path[-1:] else path
        return parent, {"type": "name", "msg": f"{name}: {right}"}
    return path, error


def _is_of_other_type(path: Keys, error: Error, errors: list[tuple[Keys, Error]]) -> bool:
    """Whether the value has another one of its possible types, whose error tells more."""
    return error["type"].endswith("_type") and any(
        other[: len(path)] == path and (other != path or not e["type"].endswith("_type"))
        for other, e in errors
    )


def _at(schema: Schema, path: Keys) -> Schema:
    """Return the schema of the value at `path`."""
    for key in path:
        whole = {name: part for one in alternatives(schema) for name, part in one.items()}
        if isinstance(key, int):
            schema = whole["items"]
        else:
            # Keys of a section, or names that the user chooses.
            (names,) = whole.get("patternProperties", {"": {}}).values()
            schema = whole.get("properties", {}).get(key, names)
    return schema


def _reason(error: Error, path: Keys, schema: Schema) -> str:
    """Describe an error: the value at `path`, and what `schema` expects instead."""
    kind, got = error["type"], error.get("input", "")
    if kind == "name":
        return str(error["msg"])
    if kind == "missing":
        return f"{error['loc'][-1]!r} is missing"
    if kind == "extra_forbidden":
        known = list(_at(schema, path[:-1])["properties"])
        near = difflib.get_close_matches(path[-1], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
        return f"unknown key; {hint}"
    parts = alternatives(_at(schema, path))
    if kind == "string_pattern_mismatch":
        expected = next(part["expected"] for part in parts if "expected" in part)
        return f"invalid value {got!r}; expected: {expected}"
    if kind.endswith("_type"):
        expected = " or ".join(TYPES[part["type"]] for part in parts)
    elif kind == "literal_error":
        expected = f"one of {', '.join(map(_shown, parts[0]['enum']))}"
    elif kind in ("too_short", "too_long"):
        return f"expected {LIMITS[kind].format(**error['ctx'])}, got {len(got)}: {_shown(got)}"
    else:
        expected = LIMITS[kind].format(**error["ctx"]) if kind in LIMITS else error["msg"]
    return f"expected {expected}, got {_shown(got)}"


def _shown(value: Any) -> str:
    """Return a value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...").strip()
