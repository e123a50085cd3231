"""Measures of tile artifacts: steps at tile borders, and changes under a shift of the survey."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..figures.style import save_picture
from ..files import written_whole
from ..network.architecture import CELL, STRIDE
from ..network.model import MultiTaskNetwork
from ..volume.attributes import PROBABILITY, attributes_of
from ..volume.orientation import axial_angle, normal_from_strike_dip
from ..volume.raw import Array, Shape
from ..volume.sidecar import plain_sidecar
from ..volume.volume import Volume, attribute_path, open_volume, statistics_of
from .averaging import ONE_COPY, Averaging
from .predict import predict_volume
from .sources import image_source
from .tiling import TileAxis, TileGrid, Tiling

# Number of lines across each axis, and of network strides on each side of a border for comparison.
LINES = 128
NEAR = 2

# Shift of the survey in voxels; not a multiple of the cell or the stride of the networks.
SHIFT = 37

# Side of the block that is predicted again after the shift, and width of its rim. The rim is not
# compared, because the network sees less of its surroundings.
BLOCK = 192
RIM = 32

# Names of the rows in the figure.
TITLES = {
    "image": "input",
    "dhr": "denoised image",
    "rgt": "geologic time",
    "fsem": "fault probability",
    "orientation": "fault orientation",
}

AXES = ("inline", "crossline", "sample")


def check_seams(
    image: Volume,
    prediction: Path,
    network: MultiTaskNetwork,
    tasks: tuple[str, ...],
    tiling: Tiling,
    output: Path,
    averaging: Averaging = ONE_COPY,
    probability: float = PROBABILITY,
) -> None:
    """Measure tile artifacts in the attributes `prediction`.<attribute>.

    Writes a table, `output`.csv, and a figure, `output`.png, with these columns:

    - `border over inside`: mean absolute difference of neighbours across tile borders, relative to
      positions inside tiles that are up to NEAR network strides away. Network cells meet there in
      the same way, so that the ratio shows the effect of the border alone.
    - `across cells`: mean absolute difference across borders of network cells, relative to that
      within cells.
    - `change by shift`: mean absolute difference to the prediction of a block that starts SHIFT
      voxels later, relative to the mean deviation of the attribute (orientation: in degrees). It
      is missing for small surveys.

    The image has no tiles or cells, so its row shows the scatter of the first two ratios.

    Args:
        image: Input of the prediction.
        prediction: PREFIX of the attributes.
        network: Network of the prediction.
        tasks: Tasks of the prediction.
        tiling: Tiling of the prediction.
        output: Table to write; the figure gets the suffix .png.
        averaging: Averaging of the prediction.
        probability: Minimum fault probability of the prediction.
    """
    cubes = {
        name: open_volume(attribute_path(prediction, name), image.shape, name).values
        for name in attributes_of(tasks)
    }
    grid = TileGrid.cover(image.shape.array, tiling.tile, tiling.overlap)
    live = image.sidecar.live
    rows: list[dict[str, object]] = [{"quantity": "image"}]
    rows[0] |= _borders({"image": image.values}, "image", grid, live)
    shifted = _change_by_shift(image, cubes, network, tasks, tiling, averaging, probability)
    for quantity in ("dhr", "rgt", "fsem", "orientation"):
        if quantity in cubes or (quantity == "orientation" and "fsem" in cubes):
            row: dict[str, object] = {"quantity": quantity}
            row |= _borders(cubes, quantity, grid, live)
            row |= {"change by shift": shifted[quantity]} if quantity in shifted else {}
            rows.append(row)
    table = pd.DataFrame(rows)
    with written_whole(output.with_suffix(".csv")) as (path,):
        table.to_csv(path, index=False, float_format="%.4g")
    _draw(table, output.with_suffix(".png"))


def _differences(cubes: dict[str, Array], others: dict[str, Array], quantity: str) -> Array:
    """Absolute differences of two sets of voxels; NaN where one has no orientation."""
    if quantity != "orientation":
        return np.abs(cubes[quantity] - others[quantity])
    normals = [normal_from_strike_dip(180 * c["fstrike"], 180 * c["fdip"]) for c in (cubes, others)]
    # Only faults have angles, except horizontal planes, whose angles are 0.
    fault = np.logical_and(
        *((c["fsem"] > 0) & ((c["fdip"] > 0) | (c["fstrike"] > 0)) for c in (cubes, others))
    )
    return np.where(fault, axial_angle(*normals), np.nan)


def _borders(
    cubes: dict[str, Array], quantity: str, grid: TileGrid, live: NDArray[np.bool_]
) -> dict[str, float]:
    """`border over inside` of all axes together and of each axis, and `across cells`."""
    ratios, weights, cells = {}, [], []
    away = STRIDE * np.array([k for k in range(-NEAR, NEAR + 1) if k])
    for number, (name, axis) in enumerate(zip(AXES, grid.axes, strict=True)):
        profile = _profile(cubes, quantity, number, live)
        between = (np.arange(profile.size) + 1) % CELL == 0
        cells.append(_ratio(profile[between], profile[~between]))
        borders = _borders_of(axis)
        near = np.setdiff1d(np.add.outer(borders, away), borders)
        near = near[(near >= 0) & (near < profile.size)]
        ratio = _ratio(profile[borders], profile[near])
        if np.isfinite(ratio):
            ratios[name] = ratio
            weights.append(borders.size)
    together = float(np.average(list(ratios.values()), weights=weights)) if ratios else np.nan
    return {"border over inside": together, **ratios, "across cells": float(np.mean(cells))}


def _ratio(values: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Mean of `values` divided by the mean of `others`; NaN if either is empty or the latter 0."""
    values, others = values[np.isfinite(values)], others[np.isfinite(others)]
    level = float(others.mean()) if others.size else 0.0
    return float(values.mean()) / level if values.size and level > 0 else np.nan


def _borders_of(axis: TileAxis) -> NDArray[np.intp]:
    """Voxels i such that a tile border lies between i and i + 1."""
    ends = {start - 1 for start in axis.starts} | {start + axis.size - 1 for start in axis.starts}
    return np.array(sorted(end for end in ends if 0 <= end < axis.n - 1), np.intp)


def _profile(
    cubes: dict[str, Array], quantity: str, axis: int, live: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Mean absolute difference of neighbours at each position along `axis`, over LINES lines."""
    shape = cubes[quantity if quantity in cubes else "fsem"].shape
    steps = [1 if other == axis else -(-n // LINES) for other, n in enumerate(shape)]
    thinned = tuple(slice(None, None, step) for step in steps)
    some = {name: np.asarray(cube[thinned]) for name, cube in cubes.items()}
    alive = np.broadcast_to(live[thinned[:2]][..., None], next(iter(some.values())).shape)
    first, second = (_along(axis, slice(None, -1)), _along(axis, slice(1, None)))
    values = _differences(
        {name: cube[first] for name, cube in some.items()},
        {name: cube[second] for name, cube in some.items()},
        quantity,
    )
    both = alive[first] & alive[second] & np.isfinite(values)
    across = tuple(other for other in range(3) if other != axis)
    count = both.sum(axis=across)
    return np.where(
        count, np.where(both, values, 0).sum(axis=across) / np.maximum(count, 1), np.nan
    )


def _along(axis: int, places: slice) -> tuple[slice, ...]:
    return tuple(places if other == axis else slice(None) for other in range(3))


def _change_by_shift(
    image: Volume,
    cubes: dict[str, Array],
    network: MultiTaskNetwork,
    tasks: tuple[str, ...],
    tiling: Tiling,
    averaging: Averaging,
    probability: float,
) -> dict[str, float]:
    """Differences to the prediction of a block of the survey that starts SHIFT voxels later."""
    sides = [min(n - SHIFT, BLOCK) for n in image.shape.array]
    if min(sides) <= 2 * RIM:
        return {}
    block = tuple(slice(SHIFT, SHIFT + side) for side in sides)
    values = np.array(image.values[block])
    # Normalise with the statistics of the whole survey, so that only the tiles differ.
    sidecar = replace(
        plain_sidecar(Shape(*values.shape[::-1]), "image"),
        live=image.sidecar.live[block[:2]],
        amplitudes=statistics_of(image),
    )
    with tempfile.TemporaryDirectory() as scratch:
        prefix = Path(scratch) / "shifted"
        source = image_source(Volume(image.path, values, sidecar))
        predict_volume(
            *(network, source, prefix, tasks, tiling),
            show_progress=False,
            averaging=averaging,
            probability=probability,
        )
        core = tuple(slice(RIM, side - RIM) for side in sides)
        again = {
            name: np.array(open_volume(attribute_path(prefix, name)).values[core]) for name in cubes
        }
    before = {name: np.array(cube[block][core]) for name, cube in cubes.items()}
    if "rgt" in before:
        # RGT is relative, so fit an affine map between the two predictions first.
        scale, offset = np.polyfit(again["rgt"].ravel().astype(float), before["rgt"].ravel(), 1)
        again["rgt"] = (scale * again["rgt"] + offset).astype(np.float32)
    return dict(_relative_changes(before, again))


def _relative_changes(
    before: dict[str, Array], again: dict[str, Array]
) -> Iterator[tuple[str, float]]:
    for name in ("dhr", "rgt", "fsem"):
        if name in before:
            change = _differences(before, again, name).mean()
            deviation = np.abs(before[name] - before[name].mean()).mean()
            yield name, float(change / max(float(deviation), 1e-9))
    if "fsem" in before:
        angles = _differences(before, again, "orientation")
        if np.isfinite(angles).any():
            yield "orientation", float(np.nanmean(angles))


def _draw(table: pd.DataFrame, path: Path) -> None:
    figure = Figure(figsize=(11, 4), layout="constrained")
    (left, right) = figure.subplots(1, 2)
    names, spelt = table["quantity"], table["quantity"].replace(TITLES)
    left.axvspan(0.98, 1.02, color="0.9", label="within 2 %")
    for axis, marker in zip(AXES, "osd", strict=True):
        if axis in table:
            left.plot(table[axis], spelt, marker, mfc="none", label=f"along {axis}s")
    left.plot(table["border over inside"], spelt, "k|", ms=18, mew=2, label="all")
    left.set(xlabel="difference of neighbours at tile borders / beside them")
    left.invert_yaxis()
    left.legend(fontsize="small")
    if "change by shift" in table:
        shifted = table[(names != "image") & (names != "orientation")]
        right.barh(
            shifted["quantity"].replace(TITLES),
            shifted["change by shift"].astype(float),
            color="0.6",
        )
        right.invert_yaxis()
    right.set(xlabel=f"change under a shift of {SHIFT} voxels / mean deviation", xlim=(0, None))
    figure.suptitle("Tile artifacts")
    save_picture(path, figure)
