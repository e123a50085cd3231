"""Horizons and control points of the sample sheet in the workflow: checks before any job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import PREDICTING, REPOSITORY, Workflow, stopped_at_once, synthetic_row, write_segy
from strataflow.errors import StrataflowError
from strataflow.volume.volume import open_volume
from strataflow.workflow.configuration import require_configuration
from strataflow.workflow.project import SHEET, prepare
from strataflow.workflow.sheet import read_sheet

workflow = pytest.mark.workflow


@pytest.fixture(scope="module")
def flow(tiny: Callable[..., Workflow]) -> Workflow:
    """A workflow with horizon files and control points."""
    made = tiny()
    (made.folder / "tops").mkdir()
    for name in ("a", "b"):
        (made.folder / "tops" / f"{name}.csv").write_text("inline,crossline,time\n1001,2001,900\n")
    (made.folder / "points.csv").write_text("set,inline,crossline,time\nb,1001,2001,900\nc,1,2,3\n")
    (made.folder / "two.csv").write_text("name,x,y,z\nd,1,2,3\ne,1,2,3\n")
    (made.folder / "notes").mkdir()
    (made.folder / "notes" / "notes.txt").write_text("The top is at 900 ms.\n")
    return made


def listed(flow: Workflow, columns: dict[str, str]) -> None:
    flow.list_volumes(synthetic_row("north", train="false") | columns, synthetic_row("south"))


@workflow
def test_control_is_read_before_inference_and_each_set_has_a_horizon(flow: Workflow) -> None:
    flow.configure({"export.horizons": "control", "export.flatten": ["time", 5]})
    flow.list_volumes(
        synthetic_row(
            "north", train="false", horizons="tops; two.csv", control_points="points.csv"
        ),
        synthetic_row("south", predict="false"),
    )
    jobs = flow.jobs()
    assert jobs["read_control"] == 1
    assert jobs["flatten"] == 2
    # The sets are a, b, c, d and e.
    done = flow.run("-n", target="results/predictions/north/north.horizon_05.irap")
    assert done.returncode == 0, done.stdout
    missing = flow.run("-n", target="results/predictions/north/north.horizon_06.irap")
    assert missing.returncode != 0


@workflow
def test_the_confidence_of_rgt_is_delivered_in_all_forms_on_demand(flow: Workflow) -> None:
    flow.configure({"export.horizons": 10, "export.flatten": []})
    listed(flow, {"predict": "false"})
    before = flow.jobs()
    flow.configure({"prediction.confidence": True})
    after = flow.jobs()
    flow.configure({"prediction.confidence": False})
    more = {name: count - before[name] for name, count in after.items() if count != before[name]}
    assert {name: more[name] for name in ("export_segy", "export_vgi")} == {
        "export_segy": 1,
        "export_vgi": 1,
    }
    assert more.keys() <= {"export_segy", "export_vgi", "total"}


@workflow
@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"horizons": "tops;none.csv"}, "horizons: none.csv: no such file or folder"),
        ({"horizons": "notes"}, "notes/notes.txt: no rows of numbers"),
        ({"control_points": "tops/a.csv"}, "tops/a.csv: no column with the name of the set"),
        (
            {"control_points": "points.csv;two.csv"},
            "control_points: points.csv;two.csv: expected one",
        ),
        ({"control_points": "tops"}, "control_points: tops: expected one file"),
    ],
)
def test_bad_files_stop_before_any_job(
    flow: Workflow, columns: dict[str, str], reason: str
) -> None:
    flow.configure({"export.horizons": 10, "export.flatten": []})
    listed(flow, columns)
    stopped_at_once(flow.run("-n"), "volume 'north'", reason)


@workflow
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"export.horizons": "control"}, "volume 'north' has no horizons or control_points"),
        ({"export.horizons": 3, "export.flatten": [4]}, "horizon 4, but 3 are picked"),
    ],
)
def test_horizons_that_cannot_be_picked_are_told(
    flow: Workflow, settings: dict[str, object], reason: str
) -> None:
    standard = {"horizons": 10, "flatten": [], "horizon_formats": ["irap"]}
    flow.configure({f"export.{name}": value for name, value in standard.items()} | settings)
    listed(flow, {})
    stopped_at_once(flow.run("-n"), reason)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("horizons", "all", "config: export.horizons: invalid value 'all'"),
        ("horizons", [0.2, 1.5], "config: export.horizons.1: expected less than 1"),
        ("flatten", ["depth"], "config: export.flatten.0: invalid value 'depth'"),
        ("horizon_formats", ["xyz"], "config: export.horizon_formats.0: expected one of"),
    ],
)
def test_wrong_settings_of_horizons_are_told(name: str, value: object, reason: str) -> None:
    content = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    content["export"][name] = value
    with pytest.raises(StrataflowError, match=reason):
        require_configuration(content)


def test_strataflow_run_writes_control_into_the_sheet(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(5, 6, 7))
    survey = write_segy(tmp_path / "a.sgy", values)
    (tmp_path / "tops").mkdir()
    points = tmp_path / "points.csv"
    points.write_text("set,inline,crossline,time\na,10,100,8\n")
    folder = tmp_path / "out"
    control = {"horizons": str(tmp_path / "tops"), "control_points": str(points)}
    prepare(folder, [survey], {}, {}, None, control)
    row = read_sheet(folder / SHEET)["a"]
    assert (row["horizons"], row["control_points"]) == (str(tmp_path / "tops"), str(points))
    # A second call keeps them.
    prepare(folder, [], {}, {}, None)
    assert read_sheet(folder / SHEET)["a"] == row
    other = write_segy(tmp_path / "b.sgy", values)
    with pytest.raises(StrataflowError, match="--horizons: belongs to one survey, got 2"):
        prepare(folder, [survey, other], {}, {}, None, control)
    with pytest.raises(StrataflowError, match="no such file or folder"):
        prepare(folder, [survey], {}, {}, None, {"horizons": str(tmp_path / "no")})


@pytest.fixture(scope="module")
def controlled(tiny: Callable[..., Workflow]) -> Workflow:
    """A workflow that has run with a horizon, well tops, and all files of horizons."""
    made = tiny(
        PREDICTING
        | {"export.horizons": "control", "export.flatten": ["time", 2], "refinement.iterations": 0}
        | {"prediction.slabs": 1, "model.tasks.dhr": False}
    )
    rows = [f"{il},{xl},{880 + 0.2 * (xl - 2001):.2f}" for il in LINES for xl in range(2001, 2049)]
    (made.folder / "top.csv").write_text("\n".join(["inline,crossline,time", *rows]) + "\n")
    (made.folder / "wells.csv").write_text(
        "set,inline,crossline,time\nbase,1005,2010,940\nbase,1030,2040,946\n"
    )
    files = {"horizons": "top.csv", "control_points": "wells.csv", "train": "false"}
    made.list_volumes(synthetic_row("north", labels=()) | files)
    done = made.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return made


LINES = range(1001, 1041)


@workflow
def test_the_workflow_delivers_horizons_and_flattened_volumes(controlled: Workflow) -> None:
    folder = controlled.folder / "results" / "predictions" / "north"
    names = {path.name.removeprefix("north.") for path in folder.iterdir()}
    for horizon in ("horizon_01", "horizon_02"):
        assert {f"{horizon}.irap", f"{horizon}.odt.txt", f"{horizon}.png"} <= names
    assert {"horizons.csv", "horizon_index.csv", "horizons.vtp"} <= names
    for volume in ("flat", "flat_02"):
        assert {volume + s for s in ("", ".json", ".sgy", ".vgi", ".mhd", ".png")} <= names
    index = pd.read_csv(folder / "north.horizon_index.csv")
    assert index["name"].tolist() == ["top", "base"]
    assert index["control_points"].tolist() == [40 * 48, 2]
    # Half a sample is 2 ms.
    assert index["misfit_maximum_ms"].max() < 2


@workflow
def test_delivered_time_is_one_value_at_the_nodes_of_a_horizon(controlled: Workflow) -> None:
    folder = controlled.folder / "results" / "predictions" / "north"
    time = np.array(open_volume(folder / "north.rgt").values)
    i3, i2 = np.indices(time.shape[:2])
    sample = (80 + 0.2 * i2) / 4
    above = np.floor(sample).astype(int)
    part = sample - above
    at = (1 - part) * time[i3, i2, above] + part * time[i3, i2, above + 1]
    # In samples: half of the local growth of time over one.
    growth = time[i3, i2, above + 1] - time[i3, i2, above]
    assert (np.abs(at - np.median(at)) <= 0.5 * growth + 1e-4).mean() > 0.999


@workflow
def test_a_changed_horizon_reruns_time_and_what_follows_alone(controlled: Workflow) -> None:
    assert controlled.jobs() == {}
    path = controlled.folder / "top.csv"
    path.write_text(path.read_text().replace("1001,2001,880.00", "1001,2001,880.10"))
    jobs = controlled.jobs()
    assert {"read_control", "fit_rgt", "pick_horizons", "flatten"} <= set(jobs)
    assert not {"segy_to_binary", "infer", "join_slabs", "pick_faults", "deliver"} & set(jobs)
