"""Checks of the configuration and of the sample sheet, independent of Snakemake."""

from __future__ import annotations

import copy
import csv
import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from ..errors import StrataflowError
from ..home import home
from ..prediction.averaging import Averaging
from ..synthetic.scenario import Scenario, scenario_schema
from ..volume.attributes import ATTRIBUTES

# Columns of the sample sheet with byte positions, and with paths.
BYTE_COLUMNS = ("iline", "xline", "cdp_x", "cdp_y")
PATH_COLUMNS = ("survey", *ATTRIBUTES, "control_points")

# Columns with numbers that spreadsheets may write as 189.0.
NUMBER_COLUMNS = (*BYTE_COLUMNS, "n1", "n2", "n3")

# Former names of columns.
FORMER_COLUMNS = {"segy": "survey"}

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


def require_valid(content: Any, schema: str, what: str) -> None:
    """Check `content` against a schema, and fill in the defaults of the schema.

    Args:
        content: Parsed content, which gets the defaults.
        schema: Name of a file in config/schemas.
        what: Name of the content in error messages.

    Raises:
        StrataflowError: A value is invalid or a key is unknown. The message names the key, the
            expected value, and for an unknown key the most similar one.
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
            f"unknown key; did you mean {near[0]!r}?"
            if near
            else f"unknown key; expected one of {known}"
        )
    place = f"{what}: {'.'.join(path)}" if path else what
    raise StrataflowError(f"{place}: {reason}")


def _reason(error: jsonschema.ValidationError) -> str:
    """Describe an error: the value and what is expected instead."""
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
        # The description is easier to read than the pattern.
        return f"invalid value {got!r}; expected: {schema['description']}"
    return error.message


def _shown(value: Any) -> str:
    """Return a value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Fill in the defaults of missing properties, then check all properties."""
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
    """Return the validator of a schema. It is cached, because all rows of a sheet use it."""
    content = yaml.safe_load((home() / "config" / "schemas" / schema).read_text())
    if "scenario" in content.get("$defs", {}):
        content["$defs"]["scenario"] = scenario_schema()
    return _WithDefaults(content)


def _require_text_keys(content: Any, place: str) -> None:
    """Raise StrataflowError for a key that YAML reads as a number or another type."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                raise StrataflowError(f"{place}: {key}: put the name in quotes: '{key}'")
            _require_text_keys(value, f"{place}.{key}" if place != "config" else f"config: {key}")


def require_configuration(config: dict[str, Any]) -> None:
    """Check the configuration, and fill in the defaults of missing keys.

    Raises:
        StrataflowError: A value is invalid. The message names the key and the expected value.
    """
    _require_text_keys(config, "config")
    require_valid(config, "config.schema.yaml", "config")
    require_scenarios(config["synthetic"])
    averaging_of(config)
    if config["prediction"]["confidence"] and "rgt" not in tasks_of(config):
        raise StrataflowError(
            "config: prediction.confidence: needs model.tasks.rgt; set it to true, or confidence:"
            " false"
        )
    require_initial_weights(config["training"])


def tasks_of(config: dict[str, Any]) -> tuple[str, ...]:
    """Return the tasks that the configuration switches on."""
    return tuple(task for task, on in config["model"]["tasks"].items() if on)


def read_sheet(path: str | Path) -> dict[str, dict[str, str]]:
    """Read and check a sample sheet.

    Returns:
        The rows by volume name, without empty cells.

    Raises:
        StrataflowError: The file does not exist or is not tab-separated, a column is unknown, a
            cell is invalid, a volume name appears twice, or there is no row.
    """
    if not Path(path).is_file():
        raise StrataflowError(f"config: volumes: {path}: no such file")
    try:
        lines = [line for line in _records(path) if any(cell for cell in line[1])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StrataflowError(f"{path}: not a tab-separated sample sheet: {error}") from None
    if not lines:
        raise StrataflowError(f"{path}: empty; expected a line of column names and a line a volume")
    header = lines[0][1]
    while header and not header[-1]:
        header.pop()
    columns = [FORMER_COLUMNS.get(name, name) for name in header]
    for name, mark in (("commas", ","), ("semicolons", ";")):
        if len(columns) == 1 and mark in columns[0]:
            raise StrataflowError(f"{path}: columns are separated by {name}; separate them by tabs")
    if len(set(columns)) < len(columns) or not all(columns):
        raise StrataflowError(f"{path}: column names must be there once each, got {header}")
    # Messages name a column as the user does.
    written = dict(zip(columns, header, strict=True))
    rows: dict[str, dict[str, str]] = {}
    for number, cells in lines[1:]:
        if any(cells[len(columns) :]):
            raise StrataflowError(
                f"{path}: line {number}: {len(cells)} cells for {len(columns)} columns"
            )
        row = _row(dict(zip(columns, cells, strict=False)))
        place = f"{path}: line {number} ({row['volume']!r})" if "volume" in row else str(path)
        for column, cell in row.items():
            if "{" in cell or "}" in cell:
                name = written.get(column, column)
                raise StrataflowError(f"{place}: {name}: {cell}: braces are not supported")
        if "survey" not in row:
            raise StrataflowError(f"{place}: {written.get('survey', 'survey')!r} is missing")
        require_valid(row, "volumes.schema.yaml", place)
        if row["volume"] in rows:
            raise StrataflowError(f"{path}: volume: {row['volume']!r} appears twice; rename one")
        rows[row["volume"]] = row
    if not rows:
        raise StrataflowError(f"{path}: no volumes; add one row per survey")
    return rows


def _records(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of a tab-separated file, without comments."""
    with open(path, newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(
            (line.split("#")[0] if line.lstrip().startswith("#") else line for line in stream),
            delimiter="\t",
            quoting=csv.QUOTE_NONE,
        )
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]


def _row(cells: dict[str, str]) -> dict[str, str]:
    """The cells that are not empty, in the form that the workflow uses.

    Spreadsheets write byte 189 as 189.0; paths may begin with ~.
    """
    row = {name: cell for name, cell in cells.items() if cell or name == "volume"}
    for name, cell in row.items():
        if name in NUMBER_COLUMNS:
            row[name] = re.sub(r"^(\d+)\.0*$", r"\1", cell)
        elif name in PATH_COLUMNS and cell.startswith("~"):
            row[name] = str(Path(cell).expanduser())
    return row


def require_scenarios(synthetic: dict[str, Any]) -> None:
    """Check all scenarios in the section `synthetic` of the configuration.

    Raises:
        StrataflowError: A setting is out of its limits.
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
    """Return the copies to average from the section `prediction` of the configuration.

    Raises:
        StrataflowError: A setting is invalid, or does not apply to the tasks.
    """
    names = ("symmetries", "scales", "uncertainty")
    try:
        averaging = Averaging.of(*(config["prediction"][name] for name in names))
        averaging.require_faults(tasks_of(config))
    except StrataflowError as error:
        raise StrataflowError(f"config: prediction.{error}") from None
    return averaging


def require_initial_weights(training: dict[str, Any]) -> None:
    """Raise StrataflowError unless the folder `training.init_weights` contains weights."""
    folder = training["init_weights"]
    if not training["epochs"] and not folder:
        raise StrataflowError("config: training.epochs: 0 needs training.init_weights")
    if folder and not (Path(folder) / "infer.pth").is_file():
        raise StrataflowError(
            f"config: training.init_weights: {folder}/infer.pth: no such file; name a folder with"
            " infer.pth and refine.pth, or set null to start from random weights"
        )
