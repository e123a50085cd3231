"""Checks of the configuration and of the sample sheet, independent of Snakemake."""

from __future__ import annotations

import copy
import csv
import difflib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import yaml

from ..errors import StrataflowError
from ..home import home
from ..prediction.averaging import Averaging
from ..synthetic.scenario import Scenario, scenario_schema

# What the types of JSON schema are to people, with an example.
TYPES = {
    "integer": "a whole number, such as 8",
    "number": "a number, such as 0.5",
    "string": "text",
    "boolean": "true or false",
    "array": "a list, such as [128, 128, 128]",
    "object": "keys with values, such as {epochs: 10}",
    "null": "null",
}


def require_valid(content: Any, schema: str, what: str) -> None:
    """Check `content` against the schema file of that name, and fill in its defaults.

    Raises:
        StrataflowError: names `what` and the key, what is expected, and the nearest known key for
            an unknown one.
    """
    error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(content))
    if error is None:
        return
    path = [str(part) for part in error.absolute_path]
    reason = _reason(error)
    if error.validator == "additionalProperties":
        unknown = next(k for k in error.instance if k not in error.schema["properties"])
        path.append(str(unknown))
        near = difflib.get_close_matches(str(unknown), error.schema["properties"], 1)
        known = ", ".join(error.schema["properties"])
        reason = (
            f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known: {known}"
        )
    place = f"{what}: {'.'.join(path)}" if path else what
    raise StrataflowError(f"{place}: {reason}")


def _reason(error: jsonschema.ValidationError) -> str:
    """What is wrong with a value, and what is expected."""
    got: Any = error.instance
    schema: Any = error.schema
    expected: Any = error.validator_value
    if error.validator == "type":
        names = expected if isinstance(expected, list) else [expected]
        return f"expected {' or '.join(TYPES[name] for name in names)}, got {_shown(got)}"
    if error.validator == "enum":
        return f"expected one of {', '.join(map(_shown, expected))}, got {_shown(got)}"
    if error.validator == "required":
        missing = next(key for key in expected if key not in got)
        return f"{missing!r} is missing"
    if error.validator in ("minItems", "maxItems"):
        return f"expected a list of {expected} values, got {len(got)}: {_shown(got)}"
    if error.validator == "minimum":
        return f"expected at least {expected}, got {_shown(got)}"
    if error.validator == "maximum":
        return f"expected at most {expected}, got {_shown(got)}"
    if error.validator == "exclusiveMinimum":
        return f"expected more than {expected}, got {_shown(got)}"
    if error.validator == "exclusiveMaximum":
        return f"expected less than {expected}, got {_shown(got)}"
    if error.validator == "multipleOf":
        return f"expected a multiple of {expected}, got {_shown(got)}"
    if error.validator == "pattern" and "description" in schema:
        # A pattern says less to people than its description.
        return f"{got!r} does not fit: {schema['description']}"
    return error.message


def _shown(value: Any) -> str:
    """A value as YAML writes it on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Check properties as usual, after filling in the defaults of those that are missing."""
    if validator.is_type(instance, "object"):
        for name, part in properties.items():
            if "default" in part:
                instance.setdefault(name, copy.deepcopy(part["default"]))
    check = jsonschema.Draft202012Validator.VALIDATORS["properties"]
    yield from check(validator, properties, instance, schema)


_WithDefaults = jsonschema.validators.extend(  # type: ignore[no-untyped-call] # not in its stubs
    jsonschema.Draft202012Validator, {"properties": _properties}
)


@cache
def _validator(schema: str) -> Any:
    """For a schema of that name, which all rows of a sheet share."""
    content = yaml.safe_load((home() / "config" / "schemas" / schema).read_text())
    if "scenario" in content.get("$defs", {}):
        content["$defs"]["scenario"] = scenario_schema()
    return _WithDefaults(content)


def require_configuration(config: dict[str, Any]) -> None:
    """Check the configuration, and fill in the defaults of the schema where keys are missing.

    Raises:
        StrataflowError: names the key, what is wrong with its value and what is expected.
    """
    require_valid(config, "config.schema.yaml", "config")
    require_scenarios(config["synthetic"])
    averaging_of(config)
    require_initial_weights(config["training"])


def tasks_of(config: dict[str, Any]) -> tuple[str, ...]:
    """The tasks that the configuration switches on."""
    return tuple(task for task, on in config["model"]["tasks"].items() if on)


def read_sheet(path: str | Path) -> dict[str, dict[str, str]]:
    """The rows of a sample sheet by volume name, checked; empty cells are left out.

    Raises:
        StrataflowError: no such file, not tab-separated, an unknown column, a name that is there
            twice, a cell that does not fit, or no row at all.
    """
    if not Path(path).is_file():
        raise StrataflowError(f"config: volumes: {path}: no such file")
    try:
        table = pd.read_csv(
            path, sep="\t", dtype=str, comment="#", keep_default_na=False, quoting=csv.QUOTE_NONE
        )
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise StrataflowError(f"{path}: not a tab-separated sample sheet: {reason}") from None
    header = ",".join(table.columns)
    for name, mark in (("commas", ","), ("semicolons", ";")):
        if mark in header and "\t" not in header and len(table.columns) == 1:
            raise StrataflowError(f"{path}: columns are separated by {name}; separate them by tabs")
    rows: dict[str, dict[str, str]] = {}
    for line, record in enumerate(table.to_dict("records"), start=1):
        row = {str(key): cell for key, cell in record.items() if cell or key == "volume"}
        place = f"{path}: volume {line} ({row['volume']!r})" if "volume" in row else str(path)
        require_valid(row, "volumes.schema.yaml", place)
        if row["volume"] in rows:
            raise StrataflowError(f"{path}: volume: {row['volume']!r} is there twice")
        rows[row["volume"]] = row
    if not rows:
        raise StrataflowError(f"{path}: no volumes")
    return rows


def require_scenarios(synthetic: dict[str, Any]) -> None:
    """Check all scenarios of the section `synthetic` of the configuration.

    Raises:
        StrataflowError: names the setting that is out of its limits.
    """
    places = {"synthetic.scenario": synthetic["scenario"]}
    for number, others in enumerate(synthetic["scenarios"]):
        places[f"synthetic.scenarios.{number}"] = synthetic["scenario"] | others
    for name, survey in synthetic["surveys"].items():
        places[f"synthetic.surveys.{name}.scenario"] = survey["scenario"]
    for place, settings in places.items():
        try:
            Scenario(**settings)
        except StrataflowError as error:
            raise StrataflowError(f"config: {place}.{error}") from None


def averaging_of(config: dict[str, Any]) -> Averaging:
    """The copies that the section `prediction` asks to average.

    Raises:
        StrataflowError: settings that do not go together.
    """
    names = ("symmetries", "scales", "uncertainty")
    try:
        averaging = Averaging.of(*(config["prediction"][name] for name in names))
        averaging.require_faults(tasks_of(config))
    except StrataflowError as error:
        raise StrataflowError(f"config: prediction.{error}") from None
    return averaging


def require_initial_weights(training: dict[str, Any]) -> None:
    """Raise StrataflowError unless the folder `training.init_weights` has weights in it."""
    folder = training["init_weights"]
    if not training["epochs"] and not folder:
        raise StrataflowError("config: training.epochs: 0 needs training.init_weights")
    if folder and not (Path(folder) / "infer.pth").is_file():
        raise StrataflowError(
            f"config: training.init_weights: {folder}/infer.pth: no such file; name a folder with"
            " infer.pth and refine.pth, or null to start with random weights"
        )
