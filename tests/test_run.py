"""The `strataflow` command: stages as subcommands, and `strataflow run`."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import segyio
import yaml

from conftest import REPOSITORY, SCRIPTS, Finished, refused_in_one_line, write_segy
from strataflow.cli.main import scripts
from strataflow.errors import StrataflowError
from strataflow.segy.choice import choose_header_bytes
from strataflow.volume.sidecar import HeaderBytes
from strataflow.workflow.project import parse_setting, prepare

Command = Callable[..., Finished]


@pytest.fixture
def strataflow(tmp_path: Path) -> Command:
    """Run the command in an empty folder. Failures do not raise."""

    def run(*words: object, library: Path = SCRIPTS) -> Finished:
        environment = os.environ | {"PYTHONPATH": str(library), "OMP_WAIT_POLICY": "passive"}
        return subprocess.run(
            [sys.executable, "-m", "strataflow", *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    return run


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A SEG-Y of 32 inlines, 40 crosslines and 48 samples: layers offset by a fault."""
    i3, i2, i1 = np.indices((32, 40, 48))
    depth = i1 + 0.1 * i3 + 7 * (i2 > 20)
    return write_segy(tmp_path / "My survey.sgy", np.sin(depth / 3).astype(np.float32))


def move_fields(path: Path, to: dict[int, int], keep: bool = False) -> None:
    """Move header fields to other byte positions, in place."""
    with segyio.open(path, "r+", strict=False) as file:
        for trace in range(file.tracecount):
            header = dict(file.header[trace])
            new = {byte: header[segyio.TraceField(field)] for field, byte in to.items()}
            old = {} if keep else {field: 0 for field in to if field not in new}
            file.header[trace] = old | new


def test_every_script_is_a_subcommand_and_its_messages_name_the_subcommand(
    strataflow: Command,
) -> None:
    names = scripts()
    assert {path.name for path in names.values()} == {path.name for path in SCRIPTS.glob("*.py")}
    listed = strataflow("--help")
    assert listed.returncode == 0
    assert all(f"\n  {name} " in listed.stdout for name in [*names, "run"])
    helped = strataflow("train-infer", "--help")
    assert helped.stdout.startswith("usage: strataflow train-infer ")
    assert "--dir_data_train" in helped.stdout
    refused_in_one_line(strataflow("infer"), "strataflow infer: error:", "--input")
    refused_in_one_line(strataflow("infr"), "unknown command 'infr'; did you mean 'infer'?")


def test_byte_positions_of_line_numbers_are_detected(survey: Path) -> None:
    assert choose_header_bytes(survey, {}) == HeaderBytes()
    move_fields(survey, {189: 9, 193: 21, 181: 73, 185: 77})
    assert choose_header_bytes(survey, {}) == HeaderBytes(9, 21, 73, 77)
    assert choose_header_bytes(survey, {"cdp_x": 81, "cdp_y": 85}).cdp_x == 81
    with pytest.raises(StrataflowError, match="--iline 9 --xline 21"):
        choose_header_bytes(survey, {"iline": 189, "xline": 193})


def test_several_possible_byte_positions_are_an_error_that_lists_them(survey: Path) -> None:
    move_fields(survey, {189: 9, 193: 21})
    with segyio.open(survey, "r+", strict=False) as file:
        for trace in range(file.tracecount):
            # The same grid with other line numbers.
            inline, crossline = divmod(trace, 40)
            file.header[trace] = {5: 700 + inline, 13: 900 + 2 * crossline}
    with pytest.raises(StrataflowError) as raised:
        choose_header_bytes(survey, {})
    message = str(raised.value)
    assert "choose one of: --iline 9 --xline 21" in message
    assert "--iline 5 --xline 13" in message
    assert choose_header_bytes(survey, {"iline": 5, "xline": 13}).iline == 5


def test_a_folder_gets_a_sheet_and_a_configuration_and_keeps_edits_of_the_user(
    survey: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    prepare(folder, [survey], {}, {"prediction.overlap": 0.5}, None)
    sheet = pd.read_csv(folder / "config/volumes.tsv", sep="\t", dtype=str)
    assert sheet.to_dict("records") == [
        {"volume": "My_survey", "survey": str(survey), "iline": "189", "xline": "193"}
        | {"cdp_x": "181", "cdp_y": "185"}
    ]
    path = folder / "config/config.yaml"
    config = yaml.safe_load(path.read_text())
    assert config["prediction"]["overlap"] == 0.5
    assert config["training"]["epochs"] == 0
    assert Path(config["training"]["init_weights"]).is_absolute()
    path.write_text(path.read_text().replace("overlap: 0.5", "overlap: 0.3"))
    prepare(folder, [survey], {}, {"prediction.symmetries": 4}, True)
    config = yaml.safe_load(path.read_text())
    assert (config["prediction"]["overlap"], config["prediction"]["symmetries"]) == (0.3, 4)
    assert config["training"]["epochs"] > 0
    assert config["synthetic"]["train"] > 0
    other = write_segy(tmp_path / "b" / "My survey.sgy", np.ones((4, 5, 6), np.float32))
    prepare(folder, [other], {}, {}, None)
    sheet = pd.read_csv(folder / "config/volumes.tsv", sep="\t", dtype=str)
    assert list(sheet["volume"]) == ["My_survey", "My_survey-2"]


def test_surveys_of_other_formats_get_the_columns_that_they_need(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    cube = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
    np.save(tmp_path / "a.npy", cube)
    cube.tofile(tmp_path / "b.raw")
    prepare(folder, [tmp_path / "a.npy"], {}, {}, None)
    size = {"n1": 6, "n2": 5, "n3": 4, "interval": 2.0}
    prepare(folder, [tmp_path / "b.raw"], size, {}, None)
    first, second = pd.read_csv(folder / "config/volumes.tsv", sep="\t", dtype=str).to_dict(
        "records"
    )
    assert first["survey"] == str(tmp_path / "a.npy")
    assert "iline" not in second
    assert [second[n] for n in size] == ["6", "5", "4", "2.0"]
    with pytest.raises(StrataflowError, match="n3=9 requires"):
        prepare(folder, [tmp_path / "b.raw"], size | {"n3": 9}, {}, None)
    (tmp_path / "c.raw").write_bytes(bytes(5000))
    with pytest.raises(StrataflowError, match="raw volume needs its n1, n2 and n3"):
        prepare(folder, [tmp_path / "c.raw"], {}, {}, None)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"predicton.overlap": 0.5}, "predicton: unknown key; did you mean 'prediction'?"),
        ({"prediction.overlap": 2}, "prediction.overlap: expected less than 1"),
        ({"volumes.name": 2}, "'volumes' has no keys below it"),
        ({"training.init_weights": "gone"}, "gone/infer.pth: no such file"),
    ],
)
def test_an_invalid_setting_is_refused_and_creates_no_folder(
    survey: Path, tmp_path: Path, setting: dict[str, object], message: str
) -> None:
    with pytest.raises(StrataflowError, match=message):
        prepare(tmp_path / "project", [survey], {}, setting, None)
    assert not (tmp_path / "project").exists()


def test_settings_are_parsed_as_yaml() -> None:
    assert parse_setting("training.epochs=0") == ("training.epochs", 0)
    assert parse_setting("prediction.tile=[64, 64, 64]") == ("prediction.tile", [64, 64, 64])
    assert parse_setting("training.init_weights=null") == ("training.init_weights", None)
    for wrong in ("training.epochs", "=3", "a b=3", "prediction.tile=[64"):
        with pytest.raises(StrataflowError, match="--set"):
            parse_setting(wrong)


def test_a_relative_path_in_a_setting_is_taken_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key, value = parse_setting("training.init_weights=mine/weights")
    assert (key, value) == ("training.init_weights", str(tmp_path / "mine/weights"))
    assert parse_setting("training.epochs=2") == ("training.epochs", 2)


@pytest.mark.smoke
def test_one_command_interprets_a_survey_and_repeating_it_runs_no_job(
    strataflow: Command, survey: Path, tmp_path: Path
) -> None:
    move_fields(survey, {189: 9, 193: 21})
    words = ("run", survey, "--output", "project", "--cores", 2)
    small = ("--set", "prediction.tile=[48, 48, 48]")
    planned = strataflow(*words, *small, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    lines = planned.stdout.splitlines()
    assert lines[0].startswith("segy_to_binary   volume=My_survey")
    assert lines[-1] == f"{len(lines) - 1} jobs would run"
    assert not (tmp_path / "project").exists()
    done = strataflow(*words, *small)
    assert done.returncode == 0, done.stdout + done.stderr
    results = tmp_path / "project/results/predictions"
    assert done.stdout.splitlines()[-2:] == [
        f"page: {results / 'index.html'}",
        f"faults of My_survey: {results / 'My_survey/My_survey.fsem.sgy'}",
    ]
    assert (results / "index.html").is_file()
    with segyio.open(results / "My_survey/My_survey.fsem.sgy", iline=9, xline=21) as file:
        assert (len(file.ilines), len(file.xlines), len(file.samples)) == (32, 40, 48)
    again = strataflow("run", "--output", "project", "--dry-run")
    assert again.stdout == "nothing to do\n"
    changed = strataflow("run", "--output", "project", "--set", "export.degrees=true", "--dry-run")
    rules = {line.split()[0] for line in changed.stdout.splitlines()[:-1]}
    assert rules == {"export_segy", "make_overview"}


@pytest.mark.workflow
def test_a_failed_run_shows_the_error_of_the_job(strataflow: Command, tmp_path: Path) -> None:
    constant = write_segy(tmp_path / "flat.sgy", np.ones((20, 20, 20), np.float32))
    done = strataflow("run", constant, "--output", "project")
    assert done.returncode == 1
    assert "no live trace" in done.stderr
    assert "repeat the command to resume" in done.stderr.splitlines()[-1]


@pytest.mark.workflow
def test_the_installed_package_contains_the_workflow(
    strataflow: Command, survey: Path, tmp_path: Path
) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    quiet = ("--no-deps", "--no-build-isolation")
    source = tmp_path / "source"
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout
    for name in filter(None, names.decode().split("\0")):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REPOSITORY / name).read_bytes())
    subprocess.run([*pip, "wheel", *quiet, "--wheel-dir", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("strataflow-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    planned = strataflow("run", survey, "--output", "project", "--dry-run", library=site)
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines()[-1].endswith("jobs would run")
    done = strataflow("inspect", survey, library=site)
    assert "SEG-Y revision" in done.stdout


def test_a_call_that_changes_nothing_keeps_the_comments_of_the_user(
    survey: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    prepare(folder, [survey], {}, {}, None)
    for name in ("config.yaml", "volumes.tsv"):
        path = folder / "config" / name
        path.write_text("# Mine.\n" + path.read_text())
    prepare(folder, [survey], {}, {"prediction.overlap": 0.25}, None)
    for name in ("config.yaml", "volumes.tsv"):
        assert (folder / "config" / name).read_text().startswith("# Mine.\n")
