"""What a SEG-Y file is, in words and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import Finished, refused_in_one_line, write_segy
from segy_bytes import integers, write_bytes

Run = Callable[..., Finished]


def test_lines_corners_and_dead_traces_of_a_survey_are_reported(
    run_script: Run, tmp_path: Path
) -> None:
    values = integers((4, 5, 16))
    values[2, 2] = 0
    segy = write_segy(tmp_path / "x.sgy", values, inlines=[10, 12, 14, 16], drop={(0, 0)})
    done = run_script("inspect_segy", segy, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    grid = found["grid"]
    assert (found["traces"], found["samples"], found["interval"]) == (19, 16, 4)
    assert found["sample_format"] == "4-byte IEEE float"
    assert [grid["inlines"][name] for name in ("first", "last", "step")] == [10, 16, 2]
    assert (grid["places"], grid["missing_traces"], grid["dead_traces"]) == (20, 1, 1)
    assert grid["sorting"] == "inline"
    assert grid["corners"][3] == pytest.approx([1075, 5200])
    assert found["amplitudes"]["percentiles"]["100"] == np.max(values)
    assert "A TINY SURVEY" in found["text_header"]
    words = run_script("inspect_segy", segy).stdout
    assert "19 traces of 16 samples" in words
    assert "sorted by inline" in words
    assert "1 missing traces, 1 dead traces" in words


@pytest.mark.parametrize("name", ["x.sgy", "x.npy"])
def test_a_size_that_disagrees_with_the_file_is_refused(
    run_script: Run, tmp_path: Path, name: str
) -> None:
    values = integers((4, 5, 16))
    write_segy(tmp_path / "x.sgy", values)
    np.save(tmp_path / "x.npy", values.astype(np.float32))
    size = ("--n2", 5, "--n3", 4)
    refused_in_one_line(
        run_script("inspect_segy", tmp_path / name, "--n1", 15, *size), name, "n1=15", "n1=16"
    )
    assert run_script("inspect_segy", tmp_path / name, "--n1", 16, *size).returncode == 0


def test_crossline_sorting_is_reported(run_script: Run, tmp_path: Path) -> None:
    values = integers((12, 1, 8))[:, 0].tolist()
    segy = write_bytes(tmp_path / "x.sgy", values, lambda i: {189: i % 3, 193: i // 3})
    found = json.loads(run_script("inspect_segy", segy, "--json").stdout)
    assert found["grid"]["sorting"] == "crossline"


@pytest.mark.parametrize("pair", [(9, 21), (5, 17), (181, 185), (73, 77)])
def test_byte_positions_that_form_a_grid_are_found(
    run_script: Run, tmp_path: Path, pair: tuple[int, int]
) -> None:
    def header(i: int) -> dict[int, int]:
        return {1: i + 1, pair[0]: 10 + i // 12, pair[1]: 100 + i % 12}

    segy = write_bytes(tmp_path / "x.sgy", integers((12, 12, 8)).reshape(144, 8).tolist(), header)
    found = json.loads(run_script("inspect_segy", segy, "--json").stdout)
    assert found["grid"] is None
    best = found["fitting_bytes"][0]
    assert (best["iline"], best["xline"], best["inlines"], best["crosslines"]) == (*pair, 12, 12)
    assert f"--iline {pair[0]} --xline {pair[1]}" in run_script("inspect_segy", segy).stdout


def test_a_prestack_file_is_reported(run_script: Run, shared_data: Path) -> None:
    done = run_script("inspect_segy", shared_data / "segy" / "small-ps.sgy")
    assert done.returncode == 0
    assert "pre-stack" in done.stdout
    assert "offsets 1 to 2" in done.stdout


def test_a_damaged_file_is_refused_in_one_line(run_script: Run, tmp_path: Path) -> None:
    segy = write_segy(tmp_path / "x.sgy", integers((4, 5, 16)))
    segy.write_bytes(segy.read_bytes()[:-7])
    refused_in_one_line(run_script("inspect_segy", segy), "x.sgy", "truncated", "trace 20")
