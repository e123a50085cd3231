"""SEG-Y to raw volumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio

from conftest import Finished, refused_in_one_line, write_segy

Run = Callable[..., Finished]
RNG = np.random.default_rng(5)


def cube(n3: int = 4, n2: int = 5, n1: int = 16) -> np.ndarray:
    return RNG.normal(size=(n3, n2, n1)).astype(np.float32)


def convert(run: Run, segy: Path, output: Path, *words: object) -> tuple[np.ndarray, dict]:
    done = run("segy_to_binary", "--input", segy, "--output", output, *words)
    assert done.returncode == 0, done.stderr
    sidecar = json.loads(output.with_suffix(".json").read_text())
    shape = (sidecar["n3"], sidecar["n2"], sidecar["n1"])
    return np.fromfile(output, "<f4").reshape(shape), sidecar


def test_samples_land_in_their_place_with_the_first_axis_fastest(
    run_script: Run, tmp_path: Path
) -> None:
    values = cube()
    raw, sidecar = convert(run_script, write_segy(tmp_path / "x.sgy", values), tmp_path / "x.bin")
    assert (raw == values).all()
    axes = sidecar["axes"]
    assert [axes[n]["first"] for n in ("n1", "n2", "n3")] == [0, 100, 10]
    assert [axes[n]["spacing"] for n in ("n1", "n2", "n3")] == pytest.approx([4, 50, 25])
    assert sidecar["corners"] == [
        pytest.approx(corner, abs=1e-6)
        for corner in ([1000, 5000], [1000, 5200], [1075, 5000], [1075, 5200])
    ]


def test_line_numbers_that_fall_or_skip_are_put_in_order(run_script: Run, tmp_path: Path) -> None:
    values = cube()
    segy = write_segy(
        tmp_path / "x.sgy", values, inlines=[40, 30, 20, 10], crosslines=[1, 3, 5, 7, 9]
    )
    raw, sidecar = convert(run_script, segy, tmp_path / "x.bin")
    assert (raw == values[::-1]).all()
    assert (sidecar["axes"]["n3"]["first"], sidecar["axes"]["n3"]["step"]) == (10, 10)
    assert (sidecar["axes"]["n2"]["first"], sidecar["axes"]["n2"]["step"]) == (1, 2)


def test_missing_traces_are_zero_and_dead(run_script: Run, tmp_path: Path) -> None:
    values = cube()
    gone = {(0, 0), (2, 3)}
    segy = write_segy(tmp_path / "x.sgy", values, drop=gone)
    raw, sidecar = convert(run_script, segy, tmp_path / "x.bin")
    for trace in gone:
        assert not raw[trace].any()
    runs = sidecar["live_runs"]
    live = np.repeat(np.arange(len(runs)) % 2 == 0, runs).reshape(4, 5)
    assert {tuple(map(int, trace)) for trace in np.argwhere(~live)} == gone


def test_bad_samples_become_zero_and_are_counted(run_script: Run, tmp_path: Path) -> None:
    values = cube()
    values[1, 2, 3], values[2, 2, 4] = np.nan, np.inf
    raw, sidecar = convert(run_script, write_segy(tmp_path / "x.sgy", values), tmp_path / "x.bin")
    assert raw[1, 2, 3] == raw[2, 2, 4] == 0
    assert sidecar["source"]["bad_samples"] == 2


@pytest.mark.parametrize("name", ["Format1msb.sgy", "Format3msb.sgy", "Format5msb.sgy"])
def test_published_files_of_each_format_read_as_segyio_reads_them(
    run_script: Run, shared_data: Path, tmp_path: Path, name: str
) -> None:
    source = shared_data / "segy" / name
    raw, _ = convert(run_script, source, tmp_path / "x.bin")
    with segyio.open(source) as file:
        assert (raw == segyio.tools.cube(file)).all()


def test_a_survey_of_other_byte_positions_is_read_when_they_are_given(
    run_script: Run, shared_data: Path, tmp_path: Path
) -> None:
    raw, _ = convert(run_script, shared_data / "segy" / "f3.sgy", tmp_path / "x.bin")
    with segyio.open(shared_data / "segy" / "f3.sgy") as file:
        assert (raw == segyio.tools.cube(file)).all()


def test_flags_that_disagree_with_the_file_stop_with_both_numbers(
    run_script: Run, tmp_path: Path
) -> None:
    segy = write_segy(tmp_path / "x.sgy", cube())
    sizes = ("--n1", 16, "--n2", 5, "--n3", 7)
    done = run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin", *sizes)
    refused_in_one_line(done, "x.sgy", "n3=7", "n3=4")
    assert not list(tmp_path.glob("*.bin")) + list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file"), (b"", "SEG-Y"), (b"C 1 text\n" * 1000, "SEG-Y")],
    ids=["missing", "empty", "text"],
)
def test_what_is_no_segy_is_refused_by_name(
    run_script: Run, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    segy = tmp_path / "x.sgy"
    if content is not None:
        segy.write_bytes(content)
    done = run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin")
    refused_in_one_line(done, "x.sgy", reason)
    assert [p.name for p in tmp_path.iterdir()] == ([] if content is None else ["x.sgy"])


def test_a_prestack_file_is_refused_with_what_it_is(
    run_script: Run, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "segy" / "small-ps.sgy"
    done = run_script("segy_to_binary", "--input", source, "--output", tmp_path / "x.bin")
    refused_in_one_line(done, "small-ps.sgy", "pre-stack")
    assert not list(tmp_path.iterdir())


def test_a_volume_of_one_amplitude_is_refused(run_script: Run, tmp_path: Path) -> None:
    segy = write_segy(tmp_path / "x.sgy", np.full((3, 3, 8), 7, np.float32))
    done = run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin")
    refused_in_one_line(done, "x.sgy", "the same")
    assert [p.name for p in tmp_path.iterdir()] == ["x.sgy"]
