"""Wrong configuration and sheets: one line that names the key, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import REPOSITORY, Workflow, stopped_at_once
from strataflow.synthetic.scenario import Scenario

HEADER = "volume\tsegy"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prediction.overlap", 1.5),
        ("prediction.overlap", "much"),
        ("prediction.slabs", 0),
        ("patches.size", [128, 128]),
        ("patches.size", [100, 128, 128]),
        ("training.epochs", -1),
        ("training.batch_size", 0),
        ("model.tasks.rgt", "maybe"),
        ("prediction.symmetries", 3),
        ("prediction.symmetries", 0),
        ("prediction.scales", []),
        ("prediction.scales", [1, 0]),
        ("prediction.scales", [1, [10, 1]]),
        ("prediction.scales", [0.5]),
        ("prediction.uncertainty", True),
        ("interpretation.probability", 0),
        ("interpretation.probability", "high"),
        ("segy.iline", 300),
        ("refinement.iterations", 0.5),
        ("synthetic.scenario", {"faults": [15, 0]}),
        ("synthetic.scenario", {"unconformity": 1.2}),
        ("synthetic.scenario", {"throw": [5]}),
        ("synthetic.scenarios", {"throw": [1, 5]}),
        ("synthetic.scenarios", [{}, {"throw": [5, 1]}]),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(
    tiny: Callable[..., Workflow], key: str, value: object
) -> None:
    stopped_at_once(tiny({key: value}).run("-n"), "config", key)


def test_a_misspelt_key_is_refused(tiny: Callable[..., Workflow]) -> None:
    stopped_at_once(tiny({"prediction.overlapp": 0.25}).run("-n"), "prediction", "overlapp")


def test_no_task_at_all_is_refused(tiny: Callable[..., Workflow]) -> None:
    off = {f"model.tasks.{task}": False for task in ("rgt", "dhr", "fault")}
    stopped_at_once(tiny(off).run("-n"), "model.tasks")


@pytest.mark.parametrize("name", ["a/b", "a b", "a'b", 'a"b', "..", "-a", ""])
def test_a_name_that_is_no_plain_word_is_refused(tiny: Callable[..., Workflow], name: str) -> None:
    flow = tiny(sheet=f"{HEADER}\n{name}\tx.sgy\n")
    stopped_at_once(flow.run("-n"), "volumes.tsv", "volume")
    assert not (flow.folder / "results").exists()


def test_a_name_that_is_there_twice_is_refused(tiny: Callable[..., Workflow]) -> None:
    flow = tiny(sheet=f"{HEADER}\nnorth\tx.sgy\nnorth\ty.sgy\n")
    stopped_at_once(flow.run("-n"), "volumes.tsv", "north", "twice")


def test_an_unknown_column_is_refused(tiny: Callable[..., Workflow]) -> None:
    stopped_at_once(tiny(sheet=f"{HEADER}\tporosity\nnorth\tx.sgy\t1\n").run("-n"), "porosity")


def test_a_missing_column_is_refused(tiny: Callable[..., Workflow]) -> None:
    stopped_at_once(tiny(sheet="volume\tpredict\nnorth\ttrue\n").run("-n"), "volumes.tsv", "segy")


def test_a_missing_segy_is_refused_by_volume_and_path(tiny: Callable[..., Workflow]) -> None:
    stopped_at_once(tiny(sheet=f"{HEADER}\nnorth\tgone.sgy\n").run("-n"), "north", "gone.sgy")


def test_a_byte_beyond_a_trace_header_is_refused(tiny: Callable[..., Workflow]) -> None:
    flow = tiny(sheet=f"{HEADER}\tiline\nnorth\tx.sgy\t241\n")
    stopped_at_once(flow.run("-n"), "north", "iline", "'241' will not do: a byte from 1 to 240")


def test_a_missing_sheet_is_refused(tiny: Callable[..., Workflow]) -> None:
    stopped_at_once(tiny({"volumes": "gone.tsv"}).run("-n"), "volumes", "gone.tsv")


def test_no_training_and_no_weights_is_refused(tiny: Callable[..., Workflow]) -> None:
    flow = tiny({"training.epochs": 0, "training.init_weights": None})
    stopped_at_once(flow.run("-n"), "training.epochs", "init_weights")


def keys(schema: dict[str, Any], prefix: str = "") -> set[str]:
    """Names of the settings that a schema knows, with those of their sections before them."""
    found: set[str] = set()
    for name, content in schema["properties"].items():
        inner = "properties" in content
        found |= keys(content, f"{prefix}{name}.") if inner else {prefix + name}
    return found


def test_every_key_has_a_description_and_a_line_in_the_reference() -> None:
    schema = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
    reference = (REPOSITORY / "docs" / "reference" / "configuration.md").read_text()
    assert {key for key in keys(schema) if f"`{key}`" not in reference} == set()

    def undescribed(part: dict[str, Any], prefix: str = "") -> set[str]:
        missing = set()
        for name, content in part.get("properties", {}).items():
            if "description" not in content:
                missing.add(prefix + name)
            missing |= undescribed(content, f"{prefix}{name}.")
        return missing

    assert undescribed(schema) == set()


def test_the_scenario_of_the_schema_is_that_of_the_class() -> None:
    schema = yaml.safe_load((REPOSITORY / "config/schemas/config.schema.yaml").read_text())
    known = set(schema["$defs"]["scenario"]["properties"])
    assert known == {setting.name for setting in fields(Scenario)}


def test_every_column_of_the_sheet_is_in_the_reference() -> None:
    schema = yaml.safe_load((REPOSITORY / "config/schemas/volumes.schema.yaml").read_text())
    reference = (REPOSITORY / "docs" / "reference" / "configuration.md").read_text()
    assert [column for column in schema["properties"] if f"`{column}`" not in reference] == []


def test_the_conda_environment_pins_what_requirements_pins() -> None:
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    pinned = {line.strip() for line in lines if "==" in line}
    for path in (REPOSITORY / "envs").glob("*.yaml"):
        dependencies = yaml.safe_load(path.read_text())["dependencies"]
        (pip,) = (part["pip"] for part in dependencies if isinstance(part, dict))
        assert pip
        assert set(pip) <= pinned, path


def test_requirements_name_no_host_and_pin_every_version() -> None:
    lines = Path(REPOSITORY / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert all("==" in line and "/" not in line for line in wanted)
