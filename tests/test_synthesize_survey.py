"""Labelled synthetic surveys: one geology in slabs, delivered as SEG-Y."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import segyio
from numpy.typing import NDArray

from conftest import ATTRIBUTES, Finished, refused_in_one_line

Run = Callable[..., Finished]

SIZES = ("--n1", 40, "--n2", 36, "--n3", 72, "--seed", 6)


def cube(path: Path) -> NDArray[np.float32]:
    with segyio.open(path) as survey:
        values: NDArray[np.float32] = segyio.tools.cube(survey)
        return values


def test_a_survey_of_several_slabs_does_not_depend_on_the_workers(
    run_script: Run, tmp_path: Path
) -> None:
    for workers in (1, 2):
        done = run_script(
            "synthesize_survey", "--output", tmp_path / str(workers), *SIZES, "--workers", workers
        )
        assert done.returncode == 0, done.stderr
    names = {"image.sgy", *(f"{name}.sgy" for name in (*ATTRIBUTES, "fault_id", "fthrow"))}
    assert {path.name for path in (tmp_path / "1").iterdir()} == names | {"faults.csv"}
    for name in names | {"faults.csv"}:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    volumes = {name: cube(tmp_path / "1" / name) for name in names}
    assert volumes["image.sgy"].shape == (72, 36, 40)
    rgt, dhr, fsem = (volumes[f"{name}.sgy"] for name in ("rgt", "dhr", "fsem"))
    assert (rgt.min(), rgt.max()) == (0, 1)
    assert np.std(dhr) == np.float32(1) or abs(np.sqrt(np.mean(dhr**2)) - 1) < 1e-3
    assert set(np.unique(fsem)) <= {0, 1}
    # Slabs begin at inline 32 and 64: no step of age or amplitude there that is not elsewhere.
    for values in (rgt, dhr):
        steps = np.abs(np.diff(values, axis=0)).mean((1, 2))
        assert max(steps[31], steps[63]) < 2 * np.median(steps)


def test_a_survey_too_small_or_a_setting_out_of_limits_is_refused(
    run_script: Run, tmp_path: Path
) -> None:
    done = run_script("synthesize_survey", "--output", tmp_path / "x", "--n3", 8)
    refused_in_one_line(done, "n3=8", "16")
    done = run_script("synthesize_survey", "--output", tmp_path / "x", "--throw", 9, 3)
    refused_in_one_line(done, "throw", "minimum <= maximum")
    assert not (tmp_path / "x").exists()
