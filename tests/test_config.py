"""Invalid configurations and sample sheets: a one-line error before any job runs."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import REPOSITORY, Workflow, stopped_at_once
from strataflow.errors import StrataflowError
from strataflow.workflow.configuration import require_configuration
from strataflow.workflow.sheet import read_sheet

HEADER = "volume\tsegy"
Sheet = Callable[[str], Path]


def configuration(settings: dict[str, Any]) -> dict[str, Any]:
    """The shipped configuration with some keys changed, given as `section.key`."""
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    content["training"]["init_weights"] = str(REPOSITORY / "data/pretrained")
    for key, value in settings.items():
        *sections, name = key.split(".")
        section = content
        for part in sections:
            section = section[part]
        section[name] = value
    return content


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """Write a sample sheet, return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "volumes.tsv"
        path.write_text(text)
        return path

    return write


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
        ("interpretation.minimum_area", 0),
        ("interpretation.bridge", -1),
        ("interpretation.dip", [30]),
        ("segy.velocity", 0),
        ("segy.iline", 300),
        ("segy.iline", "189:int12"),
        ("refinement.iterations", 0.5),
        ("synthetic.scenario", {"faults": [15, 0]}),
        ("synthetic.scenario", {"unconformity": 1.2}),
        ("synthetic.scenario", {"throw": [5]}),
        ("synthetic.scenarios", {"throw": [1, 5]}),
        ("synthetic.scenarios", [{}, {"throw": [5, 1]}]),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(key: str, value: object) -> None:
    with pytest.raises(StrataflowError, match=rf"config: {key}"):
        require_configuration(configuration({key: value}))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("training.epochs", "ten", "expected a whole number, such as 8, got ten"),
        ("training.epochs", [10], r"expected a whole number, such as 8, got \[10\]"),
        ("patches.size", [128, 128], r"expected a list of 3 values, got 2: \[128, 128\]"),
        ("patches.size", 128, r"expected a list, such as \[128, 128, 128\], got 128"),
        ("prediction.overlap", 1.5, "expected less than 1, got 1.5"),
        ("model.preset", "huge", "expected one of small, base, large, got huge"),
        ("prediction.overlapp", 0.25, "unknown key; did you mean 'overlap'?"),
        ("trianing", {}, "unknown key; did you mean 'training'?"),
        ("porosity", {}, "unknown key; expected one of volumes, segy, "),
        ("synthetic.scenario", {"throw": [1, 900]}, "expected at most 200, got 900"),
        ("synthetic.scenario", {"thrown": [1, 9]}, "unknown key; did you mean 'throw'?"),
        ("segy.iline", "189:int12", "invalid value '189:int12'; expected: a byte from 1 to 240, "),
        ("training.patience", "never", "expected a whole number, such as 8 or null, got never"),
        ("training.epochs", 8.0, "expected a whole number, such as 8, got 8.0"),
        ("prediction.symmetries", True, "expected a whole number, such as 8, got true"),
        ("export.horizons", [0.2, 1], "expected less than 1, got 1"),
        ("export.horizons", "all", "expected: a number, a list such as .*, or control"),
        ("export.flatten", [2, 2], r"expected different values, got \[2, 2\]"),
        ("synthetic.surveys", {None: {}}, "None: put the name in quotes: 'None'"),
        ("synthetic.surveys", {"a b": {}}, "a b: expected letters, digits, - and _"),
        ("training.init_weights", "gone", "gone/infer.pth: no such file; name a folder"),
    ],
)
def test_an_error_says_what_is_expected(key: str, value: object, said: str) -> None:
    with pytest.raises(StrataflowError, match=rf"^config: {key}.*: .*{said}"):
        require_configuration(configuration({key: value}))


def test_the_confidence_of_rgt_needs_rgt() -> None:
    with pytest.raises(StrataflowError, match=r"prediction.confidence: needs model.tasks.rgt"):
        require_configuration(
            configuration({"prediction.confidence": True, "model.tasks.rgt": False})
        )


def test_a_missing_key_is_named() -> None:
    config = configuration({})
    del config["training"]["seed"]
    with pytest.raises(StrataflowError, match=r"^config: training: 'seed' is missing$"):
        require_configuration(config)


def test_a_misspelt_key_is_named_before_the_one_that_it_replaces() -> None:
    config = configuration({})
    config["trianing"] = config.pop("training")
    with pytest.raises(StrataflowError, match=r"trianing: unknown key; did you mean 'training'\?"):
        require_configuration(config)


def test_values_stay_as_the_user_wrote_them() -> None:
    # 200 must not become 200.0: rules pass values on, and rerun where the text changes.
    config = configuration({"interpretation.minimum_area": 300, "synthetic.scenario": {"drag": 1}})
    before = copy.deepcopy(config)
    require_configuration(config)
    for name in ("interpretation", "prediction"):
        assert repr(config[name]) == repr(before[name])
    assert repr(config["synthetic"]["scenario"]) == "{'drag': 1}"


def test_defaults_are_filled_in() -> None:
    config = configuration({})
    del config["interpretation"]
    del config["prediction"]["symmetries"]
    require_configuration(config)
    assert config["interpretation"] == {
        "probability": 0.5,
        "minimum_area": 200,
        "mean_probability": None,
        "bridge": 8,
        "maximum_throw": 60,
        "dip": [0, 90],
        "strike": [0, 360],
    }
    assert config["prediction"]["symmetries"] == 1


def test_no_task_at_all_is_refused() -> None:
    off = {f"model.tasks.{task}": False for task in ("rgt", "dhr", "fault")}
    with pytest.raises(StrataflowError, match=r"model\.tasks"):
        require_configuration(configuration(off))


def test_no_training_and_no_weights_is_refused() -> None:
    with pytest.raises(StrataflowError, match=r"training.epochs: 0 needs training.init_weights"):
        require_configuration(configuration({"training.epochs": 0, "training.init_weights": None}))


def test_a_share_of_trained_weights_without_initial_ones_is_refused() -> None:
    settings = {"training.trained_share": 0.5, "training.init_weights": None}
    with pytest.raises(StrataflowError, match=r"trained_share: 0.5 needs training.init_weights"):
        require_configuration(configuration(settings))


def test_refinement_without_training_needs_weights_and_all_that_they_refine(
    tmp_path: Path,
) -> None:
    given = {"training.epochs": 0, "refinement.iterations": 1}
    require_configuration(configuration(given))
    with pytest.raises(
        StrataflowError, match=r"refinement.iterations: 1: .*refine.pth refines rgt"
    ):
        require_configuration(configuration(given | {"model.tasks.rgt": False}))
    (tmp_path / "infer.pth").touch()
    alone = given | {"training.init_weights": str(tmp_path)}
    with pytest.raises(StrataflowError, match=r"refinement.iterations: 1: .*refine.pth: no such"):
        require_configuration(configuration(alone))


@pytest.mark.parametrize("name", ["a/b", "a b", "a'b", 'a"b', "..", "-a", ""])
def test_a_volume_name_that_could_leave_its_folder_is_refused(sheet: Sheet, name: str) -> None:
    with pytest.raises(StrataflowError, match=r"volumes.tsv: line 2 .*volume: "):
        read_sheet(sheet(f"{HEADER}\n{name}\tx.sgy\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEADER}\nnorth\tx.sgy\nnorth\ty.sgy\n", "'north' appears twice"),
        (f"{HEADER}\tporosity\nnorth\tx.sgy\t1\n", "porosity: unknown key"),
        ("volume\tpredict\nnorth\ttrue\n", "'survey' is missing"),
        (
            f"{HEADER}\tiline\nnorth\tx.sgy\t241\n",
            "iline: invalid value '241'; expected: a byte from 1 to",
        ),
        (f"{HEADER}\tilin\nnorth\tx.sgy\t9\n", "ilin: unknown key; did you mean 'iline'?"),
        ("volume,segy\nnorth,x.sgy\n", "columns are separated by commas; separate them by tabs"),
        (f"{HEADER}\n", "no volumes"),
        ("", "empty; expected a line of column names"),
        (f"{HEADER}\nnorth\tx.sgy\ty\n", "line 2: 3 cells for 2 columns"),
        (f"{HEADER}\tsegy\nnorth\tx.sgy\ty\n", "column names must be there once each"),
        (f"{HEADER}\nnorth\t{{volume}}.sgy\n", "segy: {volume}.sgy: braces are not supported"),
        (f"{HEADER}\tiline\nnorth\tx.sgy\t189.5\n", "iline: invalid value '189.5'"),
    ],
)
def test_a_wrong_sheet_is_refused_with_the_reason(sheet: Sheet, text: str, said: str) -> None:
    with pytest.raises(StrataflowError, match=rf"volumes.tsv: .*{re.escape(said)}"):
        read_sheet(sheet(text))


def test_what_spreadsheets_write_is_read_as_it_is_meant(
    sheet: Sheet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    text = f"# a comment\n{HEADER}\tiline\txline\t\n\nnorth\t~/x.sgy\t189.0\t217:int32\t\t\n"
    path = sheet(text)
    path.write_text("\ufeff" + text.replace("\n", "\r\n"), newline="")
    expected = {
        "volume": "north",
        "survey": f"{tmp_path}/x.sgy",
        "iline": "189",
        "xline": "217:int32",
    }
    assert read_sheet(path) == {"north": expected}


def test_the_former_name_of_the_column_works(sheet: Sheet) -> None:
    rows = [
        read_sheet(sheet(f"volume\t{name}\tn1\tn2\tn3\tinterval\nnorth\tx.bin\t8.0\t9\t10\t2.5\n"))
        for name in ("survey", "segy")
    ]
    assert rows[0] == rows[1]
    assert rows[0]["north"] == {
        "volume": "north",
        "survey": "x.bin",
        "n1": "8",
        "n2": "9",
        "n3": "10",
        "interval": "2.5",
    }


def test_numbers_and_paths_of_columns_are_read(
    sheet: Sheet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    names = "volume\tsurvey\tinterval\tunknown\tfault_id\tfthrow"
    cells = "north\tx.npy\t4.\t-1e30\t~/a.sgy\t~/b.sgy"
    row = read_sheet(sheet(f"{names}\n{cells}\n"))["north"]
    assert (row["interval"], row["unknown"]) == ("4.", "-1e30")
    assert (row["fault_id"], row["fthrow"]) == (f"{tmp_path}/a.sgy", f"{tmp_path}/b.sgy")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("volume\tsegy\tsurvey\nnorth\ta.sgy\tb.sgy\n", "['volume', 'segy', 'survey']"),
        ("volume\tsurvey\tn1\nnorth\ta.bin\t5\n", "n2"),
        ("volume\tsurvey\tn1\tn2\tn3\nnorth\ta.bin\t5\t6\t0\n", "n3: invalid value '0'"),
        ("volume\tsurvey\tinterval\nnorth\ta.bin\t4 ms\n", "interval: invalid value '4 ms'"),
        ("volume\tsurvey\tpredict\nnorth\t\ttrue\n", "'survey' is missing"),
        ("volume\tsurvey\tinterval\nnorth\ta.bin\t0.0\n", "interval: invalid value '0.0'"),
        ("volume\tsurvey\tunknown\nnorth\ta.bin\t1.2.3\n", "unknown: invalid value '1.2.3'"),
    ],
)
def test_columns_of_surveys_are_checked(sheet: Sheet, text: str, said: str) -> None:
    with pytest.raises(StrataflowError, match=rf"volumes.tsv: .*{re.escape(said)}"):
        read_sheet(sheet(text))


def test_a_survey_named_by_a_number_is_refused() -> None:
    config = configuration({"synthetic.surveys": {2020: {"size": [48, 48, 48], "seed": 1}}})
    with pytest.raises(StrataflowError, match=r"config: synthetic\.surveys: 2020: put the name in"):
        require_configuration(config)


def test_a_missing_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StrataflowError, match=r"volumes: .*gone\.tsv: no such file"):
        read_sheet(tmp_path / "gone.tsv")


@pytest.mark.workflow
def test_the_workflow_refuses_before_anything_runs(tiny: Callable[..., Workflow]) -> None:
    flow = tiny({"prediction.overlap": 1.5})
    stopped_at_once(flow.run("-n"), "config: prediction.overlap: expected less than 1")
    flow = tiny(sheet=f"{HEADER}\nnorth\tgone.sgy\n")
    stopped_at_once(flow.run("-n"), "north", "gone.sgy")
    flow = tiny(sheet=f"{HEADER}\nnorth\n")
    stopped_at_once(flow.run("-n"), "volumes.tsv", "segy")
    assert not (flow.folder / "results").exists()


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
