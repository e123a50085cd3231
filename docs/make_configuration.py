"""Write docs/configuration.md, the reference of the configuration, from its schemas.

What is said of a scenario comes from the class that checks it.
"""

from __future__ import annotations

import argparse
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

PAGE = """# Reference of the configuration

Made from the schemas in `config/schemas/` by `python docs/make_configuration.py`; how the two files
are used is told in [config/README.md](../config/README.md). A key that is not here, or a value that
is not allowed, ends a run before it begins, with one line that names it.

## config.yaml

Sizes are `[n1, n2, n3]`: samples, crosslines, inlines. "Reruns" is the stage that a change reruns:
later stages follow, earlier ones are kept. Keys without a default must be there.

{settings}

## The scenario of synthetic samples

Under `synthetic.scenario`, each of `synthetic.scenarios`, and `scenario` of a synthetic survey.
Ranges are `[least, greatest]`.

{scenario}

## volumes.tsv

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
        if name == "array" and "minItems" in schema:
            multiple = schema["items"].get("multipleOf")
            words.append("[n1, n2, n3]" + (f", multiples of {multiple}" if multiple else ""))
        elif name in ("integer", "number"):
            words.append(_number(name, schema))
        else:
            words.append(WORDS[name])
    return " or ".join(words)


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
            "what": part["description"],
            "allowed": allowed(part),
            "default": "" if required or "default" not in part else f"`{_yaml(part['default'])}`",
            "reruns": part["reruns"],
        }
        for key, part, required in settings(config)
    ]
    drawn = [
        {
            "key": f"`{setting.name}`",
            "what": f"{setting.metadata['what'][0].upper()}{setting.metadata['what'][1:]}.",
            "limits": f"{setting.metadata['least']} to {setting.metadata['most']}",
            "default": f"`{_yaml(setting.default)}`",
        }
        for setting in fields(Scenario)
    ]
    columns = [
        {
            "column": f"`{name}`",
            "what": part["description"],
            "needed": "yes" if name in sheet["required"] else "",
        }
        for name, part in sheet["properties"].items()
    ]
    return PAGE.format(settings=table(keys), scenario=table(drawn), sheet=table(columns))


def _yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True).split("\n")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("configuration.md"))
    parser.parse_args().output.write_text(page())


if __name__ == "__main__":
    main()
