"""Tiles cover a volume, and blend without a seam."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from strataflow.errors import StrataflowError
from strataflow.prediction.rgt_alignment import align_tiles, compared_points
from strataflow.prediction.tiling import TileAxis, TileGrid, blend

SHAPES = [(5, 40, 100), (64, 64, 64), (33, 17, 129), (1, 1, 16), (100, 16, 16)]


def blended(grid: TileGrid, tiles: list[np.ndarray], slabs: int = 1) -> np.ndarray:
    """Blend tiles (n3, n2, n1) of the whole grid slab by slab; what is not finished stays NaN."""
    whole = np.full([axis.n for axis in grid.axes], np.nan, np.float32)
    numbers = {corner: number for number, corner in enumerate(grid.corners())}
    for slab in range(slabs):
        rows = grid.rows_of_slab(slab, slabs)
        needed = (tiles[numbers[corner]][None] for corner in grid.corners(grid.with_halo(rows)))
        for inlines, crosslines, block in blend(grid, rows, 1, needed):
            assert np.isnan(whole[inlines, crosslines]).all(), "finished twice"
            whole[inlines, crosslines] = block[0]
    return whole


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.75])
def test_tiles_of_a_volume_blend_back_into_it_with_the_same_bits_for_any_number_of_slabs(
    shape: tuple[int, int, int], overlap: float
) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    grid = TileGrid.cover(shape, (32, 32, 32), overlap)
    tiles = [grid.read(values, corner) for corner in grid.corners()]
    whole = blended(grid, tiles)
    assert whole == pytest.approx(values, abs=1e-5)
    # Tiles that disagree are blended in the same order, too.
    rng = np.random.default_rng(2)
    tiles = [tile + rng.normal(size=tile.shape).astype(np.float32) for tile in tiles]
    whole = blended(grid, tiles)
    for slabs in (2, 3, 9):
        assert np.array_equal(blended(grid, tiles, slabs), whole), slabs


def test_a_volume_smaller_than_a_tile_gets_one_tile_and_is_reflected() -> None:
    axis = TileAxis.cover(5, 16, 0.0)
    assert (axis.size, axis.starts) == (16, (0,))
    assert axis.indices(0).tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1]


@pytest.mark.parametrize("tile", [32, 48, 64, 128])
@pytest.mark.parametrize("overlap", [0.1, 0.25, 0.4, 0.5])
def test_neighbours_have_at_least_the_requested_overlap(tile: int, overlap: float) -> None:
    starts = TileAxis.cover(500, tile, overlap).starts
    assert all(b - a <= tile * (1 - overlap) for a, b in itertools.pairwise(starts))


@pytest.mark.parametrize("n", [65, 96, 192, 256, 384, 500, 512, 1000])
def test_tiles_are_few_and_small_and_end_with_the_volume(n: int) -> None:
    axis = TileAxis.cover(n, 64, 0.25)
    assert axis.starts[0] == 0
    assert axis.size <= 64
    assert n <= axis.starts[-1] + axis.size < n + 16
    # As many as a step of 48 voxels needs.
    assert len(axis.starts) == -(-(n - 64) // 48) + 1
    # A stride less, and they would not overlap enough.
    assert (len(axis.starts) - 1) * (axis.size - 32) + axis.size - 16 < n


def test_weights_of_two_tiles_cross_over_as_computed_by_hand() -> None:
    axis = TileAxis(48, 32, (0, 16))
    first, second = axis.weights()
    # A raised cosine over the 16 common voxels, ends cut where no neighbour is.
    expected = np.sin(0.5 * np.pi * (np.arange(16) + 0.5) / 16) ** 2
    assert second[:16] == pytest.approx(expected, abs=1e-6)
    assert first[16:] == pytest.approx(1 - expected, abs=1e-6)
    assert first[:16] == pytest.approx(1)
    assert second[16:] == pytest.approx(1)


@pytest.mark.parametrize("tile", [(30, 32, 32), (32, 8, 32)])
def test_tiles_that_the_networks_cannot_take_are_refused(tile: tuple[int, int, int]) -> None:
    with pytest.raises(StrataflowError, match="multiples of 16"):
        TileGrid.cover((64, 64, 64), tile, 0.25)


def test_tiles_of_one_geologic_time_on_scales_of_their_own_are_brought_together() -> None:
    rng = np.random.default_rng(2)
    i3, i2, i1 = np.indices((80, 80, 80), np.float32)
    truth = i1 + 5 * np.sin(i3 / 15) + 4 * np.cos(i2 / 20) + 0.2 * i3
    truth[(i3 + 0.3 * i1) > 45] += 12  # a fault
    grid = TileGrid.cover(truth.shape, (32, 32, 32), 0.25)
    maps = [(rng.uniform(0.9, 1.1), rng.uniform(-20, 20)) for _ in grid.corners()]
    tiles = np.stack(
        [a * grid.read(truth, c) + b for c, (a, b) in zip(grid.corners(), maps, strict=True)]
    ).astype(np.float32)
    live = np.ones(truth.shape[:2], bool)
    live[20:30, 40:50] = False
    for corner, tile in zip(grid.corners(), tiles, strict=True):
        tile[~grid.read(live[..., None].repeat(80, 2), corner)] = 1e4
    found = align_tiles(compared_points(tiles), grid, live)
    corrected = [(a * t + b).astype(np.float32) for t, (a, b) in zip(tiles, found, strict=True)]
    whole = blended(grid, corrected)[live].ravel()
    slope, offset = np.polyfit(whole, truth[live].ravel(), 1)
    assert np.abs(slope * whole + offset - truth[live].ravel()).mean() < 0.3
