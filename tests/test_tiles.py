"""Tiles cover a volume, and blend without a seam."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from strataflow.errors import StrataflowError
from strataflow.geologic_time import align_tiles
from strataflow.prediction import _blend_rows
from strataflow.tiles import TileAxis, TileGrid

SHAPES = [(5, 40, 100), (64, 64, 64), (33, 17, 129), (1, 1, 16), (100, 16, 16)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
def test_tiles_of_a_volume_blend_back_into_the_volume(
    shape: tuple[int, int, int], overlap: float
) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    grid = TileGrid.cover(shape, (32, 32, 32), overlap)
    tiles = ((corner, grid.read(values, corner)[None]) for corner in grid.corners())
    # A block is valid until the next one is asked for.
    rows = [(inlines, block.copy()) for inlines, block in _blend_rows(grid, 1, tiles)]
    assert [r[0].start for r in rows] == [0, *(r[0].stop for r in rows[:-1])]
    assert np.concatenate([block[0] for _, block in rows]) == pytest.approx(values, abs=1e-5)


def test_a_volume_smaller_than_a_tile_gets_one_tile_and_is_reflected() -> None:
    axis = TileAxis.cover(5, 16, 0.0)
    assert (axis.size, axis.starts) == (16, (0,))
    assert axis.indices(0).tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1]


@pytest.mark.parametrize("tile", [32, 48, 64, 128])
@pytest.mark.parametrize("overlap", [0.1, 0.25, 0.4, 0.5])
def test_neighbours_overlap_by_at_least_what_is_asked(tile: int, overlap: float) -> None:
    starts = TileAxis.cover(500, tile, overlap).starts
    assert all(b - a <= tile * (1 - overlap) for a, b in itertools.pairwise(starts))


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
    i3, i2, i1 = np.indices((64, 64, 64), np.float32)
    truth = i1 + 5 * np.sin(i3 / 15) + 4 * np.cos(i2 / 20) + 0.2 * i3
    truth[(i3 + 0.3 * i1) > 45] += 12  # a fault
    grid = TileGrid.cover(truth.shape, (32, 32, 32), 0.25)
    maps = [(rng.uniform(0.9, 1.1), rng.uniform(-20, 20)) for _ in grid.corners()]
    tiles = np.stack(
        [a * grid.read(truth, c) + b for c, (a, b) in zip(grid.corners(), maps, strict=True)]
    ).astype(np.float32)
    found = align_tiles(tiles, grid)
    corrected = (
        (corner, (a * tile + b)[None].astype(np.float32))
        for corner, tile, (a, b) in zip(grid.corners(), tiles, found, strict=True)
    )
    whole = np.concatenate([block[0].copy() for _, block in _blend_rows(grid, 1, corrected)])
    slope, offset = np.polyfit(whole.ravel()[::7], truth.ravel()[::7], 1)
    assert np.abs(slope * whole + offset - truth).mean() < 0.3
