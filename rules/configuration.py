"""Checks of the configuration and of the sheet of volumes, which know nothing of Snakemake.

A mistake in either ends the run with one line; an exception would add Snakemake's stack to it.
"""

from __future__ import annotations

import csv
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import yaml

from strataflow.errors import StrataflowError
from strataflow.prediction.averaging import Averaging
from strataflow.synthetic.scenario import Scenario

SCHEMAS = Path(__file__).resolve().parents[1] / "config" / "schemas"


def require_valid(content: Any, schema: str, what: str) -> None:
    """Stop with one line that names the key of `content` that `schema` does not allow."""
    error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(content))
    if error:
        key = ".".join(str(part) for part in error.absolute_path)
        place = f"{what}: {key}" if key else what
        reason = error.message
        if error.validator == "pattern" and "description" in error.schema:
            # A pattern says less to people than what it stands for.
            reason = f"{error.instance!r} will not do: {error.schema['description']}"
        sys.exit(f"{place}: {reason}")


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    """For a schema of that name, which all rows of a sheet share."""
    return jsonschema.Draft202012Validator(yaml.safe_load((SCHEMAS / schema).read_text()))


def read_sheet(path: str | Path) -> dict[str, dict[str, str]]:
    """The sheet of volumes by name, checked; empty cells are left out of a row."""
    if not Path(path).is_file():
        sys.exit(f"config: volumes: {path}: no such file")
    try:
        table = pd.read_csv(
            path, sep="\t", dtype=str, comment="#", keep_default_na=False, quoting=csv.QUOTE_NONE
        )
    except ValueError as error:
        sys.exit(f"{path}: not a tab-separated sheet of volumes: {error}".strip())
    rows: dict[str, dict[str, str]] = {}
    for line, record in enumerate(table.to_dict("records"), start=1):
        row = {str(key): cell for key, cell in record.items() if cell or key == "volume"}
        place = f"{path}: volume {line} ({row['volume']!r})" if "volume" in row else str(path)
        require_valid(row, "volumes.schema.yaml", place)
        if row["volume"] in rows:
            sys.exit(f"{path}: volume: {row['volume']!r} is there twice")
        rows[row["volume"]] = row
    if not rows:
        sys.exit(f"{path}: no volumes")
    return rows


def require_scenarios(synthetic: dict[str, Any]) -> None:
    """Stop with one line that names the setting of a scenario that is out of its limits."""
    places = {"synthetic.scenario": synthetic["scenario"]}
    for number, others in enumerate(synthetic["scenarios"]):
        places[f"synthetic.scenarios.{number}"] = synthetic["scenario"] | others
    for name, survey in synthetic["surveys"].items():
        places[f"synthetic.surveys.{name}.scenario"] = survey["scenario"]
    for place, settings in places.items():
        try:
            Scenario(**settings)
        except StrataflowError as error:
            sys.exit(f"config: {place}.{error}")


def averaging_of(prediction: dict[str, Any], tasks: tuple[str, ...]) -> Averaging:
    """The copies that are averaged; stops with one line for a setting that makes no sense."""
    names = ("symmetries", "scales", "uncertainty")
    try:
        averaging = Averaging.of(*(prediction[name] for name in names))
        averaging.require_faults(tasks)
    except StrataflowError as error:
        sys.exit(f"config: prediction.{error}")
    return averaging
