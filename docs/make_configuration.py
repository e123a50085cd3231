"""Write docs/reference/configuration.md from the schemas of the configuration.

The limits and descriptions of a scenario come from the class that checks it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from strataflow.synthetic.scenario import Scenario

REPOSITORY = Path(__file__).resolve().parents[1]

PAGE = """# Configuration reference

With this page you can look up every key of `config.yaml` and every column of `volumes.tsv`.

`python docs/make_configuration.py` generates it from the schemas in `config/schemas/`.
[config/README.md](../../config/README.md) explains how to use the two files. An unknown key or an
invalid value stops the run before the first job. The error is one line that names the key.

## config.yaml

Sizes are `[n1, n2, n3]`: samples, crosslines, inlines. The column "reruns" names the stage that a
change reruns. Later stages follow; earlier stages are kept. "New training" means that training does
not continue from an earlier checkpoint. Keys without a default are required.

{settings}

## Scenario of synthetic samples

These keys belong under `synthetic.scenario`, under each item of `synthetic.scenarios`, and under
`scenario` of a synthetic survey. Ranges are `[minimum, maximum]`.

{scenario}

## volumes.tsv

The sample sheet is tab-separated and has one row per volume.

{sheet}
"""

Schema = dict[str, Any]

WORDS = {
    "array": "list",
    "boolean": "`true` or `false`",
    "null": "`null`",
    "object": "keys, see below",
    "string": "text",
}


def read(name: str) -> Schema:
    """A schema, with what it refers to in its place."""
    schema = yaml.safe_load((REPOSITORY / "config" / "schemas" / name).read_text())

    def resolved(part: Any) -> Any:
        if isinstance(part, dict):
            target = part.get("$ref", "").removeprefix("#/$defs/")
            whole = schema["$defs"][target] | part if target else part
            return {key: resolved(value) for key, value in whole.items() if key != "$ref"}
        return [resolved(item) for item in part] if isinstance(part, list) else part

    return dict(resolved(schema))


def settings(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Key, schema and whether it must be there, of every setting below `schema`."""
    for name, part in schema["properties"].items():
        key = f"{path}{name}"
        if "reruns" in part:
            yield key, part, name in schema.get("required", ())
        else:
            yield from settings(part, f"{key}.")


def allowed(schema: Schema) -> str:
    """What a setting may be, in words."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = []
    for name in types:
        if name == "array" and schema.get("minItems") == 2:
            words.append("[minimum, maximum]")
        elif name == "array" and schema.get("minItems", 0) > 2:
            multiple = schema["items"].get("multipleOf")
            words.append("[n1, n2, n3]" + (f", multiples of {multiple}" if multiple else ""))
        elif name in ("integer", "number"):
            words.append(_number(name, schema))
        elif name == "array" and "enum" in schema["items"]:
            words.append("list of " + ", ".join(f"`{value}`" for value in schema["items"]["enum"]))
        elif name == "string" and _only_word(schema):
            words.append(f"`{_only_word(schema)}`")
        else:
            words.append(WORDS[name])
    return " or ".join(words)


def _only_word(schema: Schema) -> str:
    """The only text that the pattern of a setting allows, if there is one."""
    word = re.fullmatch(r"\^([a-z]+)\$", schema.get("pattern", ""))
    return word[1] if word else ""


def _number(name: str, schema: Schema) -> str:
    limits = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
    }
    ends = [f"{word} {schema[key]}" for key, word in limits.items() if key in schema]
    return " ".join([name, *ends])


def table(rows: list[dict[str, str]]) -> str:
    """As Markdown."""
    return str(pd.DataFrame(rows).to_markdown(index=False))


def page() -> str:
    """The whole reference."""
    config, sheet = read("config.schema.yaml"), read("volumes.schema.yaml")
    keys = [
        {
            "key": f"`{key}`",
            "description": part["description"],
            "allowed": allowed(part),
            "default": "" if required or "default" not in part else f"`{_yaml(part['default'])}`",
            "reruns": part["reruns"],
        }
        for key, part, required in settings(config)
    ]
    drawn = [
        {
            "key": f"`{setting.name}`",
            "description": f"{setting.metadata['what'][0].upper()}{setting.metadata['what'][1:]}.",
            "limits": f"{setting.metadata['least']} to {setting.metadata['most']}",
            "default": f"`{_yaml(setting.default)}`",
        }
        for setting in fields(Scenario)
    ]
    columns = [
        {
            "column": f"`{name}`",
            "description": part["description"],
            "required": "yes" if name in sheet["required"] else "",
        }
        for name, part in sheet["properties"].items()
    ]
    return PAGE.format(settings=table(keys), scenario=table(drawn), sheet=table(columns))


def _yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True).split("\n")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=REPOSITORY / "docs" / "reference" / "configuration.md"
    )
    parser.parse_args().output.write_text(page())


if __name__ == "__main__":
    main()
