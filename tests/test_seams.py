"""Tile artifacts are detected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from conftest import REPOSITORY, Finished
from strataflow.prediction.tile_artifacts import _borders
from strataflow.prediction.tiling import TileGrid

Run = Callable[..., Finished]
SHAPE = (48, 112, 80)


@pytest.fixture
def grid() -> TileGrid:
    return TileGrid.cover(SHAPE, (64, 64, 64), 0.25)


def test_only_a_step_at_a_tile_border_counts_as_a_seam(grid: TileGrid) -> None:
    live = np.ones(SHAPE[:2], bool)
    cube = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    ratios = _borders({"dhr": cube}, "dhr", grid, live)
    assert set(ratios) == {"border over inside", "crossline", "sample", "across cells"}
    assert list(ratios.values()) == pytest.approx([1, 1, 1, 1], abs=0.05)
    # Cells of two voxels are cells, and no seam.
    cells = cube[::2, ::2, ::2].repeat(2, 0).repeat(2, 1).repeat(2, 2) + 0.1 * cube
    blocky = _borders({"dhr": cells}, "dhr", grid, live)
    assert blocky.pop("across cells") > 5
    assert list(blocky.values()) == pytest.approx([1, 1, 1], abs=0.1)
    border = grid.axes[1].starts[1]
    cube[:, border:] += 3
    # One of the two borders along crosslines; |x + 3| of twice the variance is 3.04 on average.
    stepped = _borders({"dhr": cube}, "dhr", grid, live)
    assert stepped["crossline"] == pytest.approx((1 + 3.04 / 1.13) / 2, abs=0.1)
    assert stepped["sample"] == pytest.approx(ratios["sample"], abs=0.01)
    # A step at a dead trace is none.
    live[:, border] = False
    assert _borders({"dhr": cube}, "dhr", grid, live)["crossline"] == pytest.approx(1, abs=0.05)


def test_a_step_of_the_orientation_counts_only_on_faults(grid: TileGrid) -> None:
    live = np.ones(SHAPE[:2], bool)
    rng = np.random.default_rng(1)
    cubes = {name: np.zeros(SHAPE, np.float32) for name in ("fsem", "fdip", "fstrike")}
    cubes["fsem"][20:30] = 1
    cubes["fdip"][20:30] = 0.5
    cubes["fstrike"][20:30] = 0.3 + rng.uniform(0, 0.02, (10, *SHAPE[1:]))
    border = grid.axes[1].starts[1]
    cubes["fstrike"][:20, border:] = 0.9
    assert _borders(cubes, "orientation", grid, live)["crossline"] == pytest.approx(1, abs=0.25)
    cubes["fstrike"][:, border:] += 0.1
    assert _borders(cubes, "orientation", grid, live)["crossline"] > 3


def test_a_prediction_that_changes_under_a_shift_is_detected(
    run_script: Run, tmp_path: Path
) -> None:
    shape, size = (103, 104, 112), ("--n1", 112, "--n2", 104, "--n3", 103)
    # Something like layers: what a network of random weights makes of them changes by a shift.
    noise = np.random.default_rng(1).normal(size=shape)
    gaussian_filter(noise, (20, 20, 1.5)).astype("<f4").tofile(tmp_path / "x.bin")
    model = REPOSITORY / "data" / "pretrained" / "infer.pth"
    words = ("--input", tmp_path / "x.bin", "--model", model, *size, "--tile", 96, 96, 96)
    done = run_script("infer", *words, "--output", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    tables = []
    for _ in range(2):
        flags = ("--prediction", tmp_path / "p", "--output", tmp_path / "seams.csv")
        done = run_script("check_seams", *words, *flags)
        assert done.returncode == 0, done.stderr
        tables.append(pd.read_csv(tmp_path / "seams.csv", index_col="quantity"))
        assert (tmp_path / "seams.png").stat().st_size > 10_000
        np.roll(np.fromfile(tmp_path / "p.dhr", "<f4"), 5).tofile(tmp_path / "p.dhr")
        (tmp_path / "p.dhr.json").unlink(missing_ok=True)
    good, rolled = (table["change by shift"]["dhr"] for table in tables)
    assert good < 0.5
    assert rolled > 2 * good
    assert tables[0]["border over inside"]["dhr"] == pytest.approx(1, abs=0.25)
