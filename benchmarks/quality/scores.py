"""Predictions of a case against its labels, as the rows of the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, generate_binary_structure, label

from strataflow.interpretation.fault_scores import (
    CALIBRATION_BINS,
    Metrics,
    fault_metrics,
    reliability,
    within_tolerance,
)
from strataflow.interpretation.metrics import (
    correlation,
    geologic_time_metrics,
    orientation_metrics,
)
from strataflow.interpretation.thickness import median_thickness
from strataflow.volume.attributes import FAULT_THRESHOLD
from strataflow.volume.raw import Array

Attributes = dict[str, Array]
Mask = NDArray[np.bool_]

# Inlines of nothing between cubes that are scored as one: farther than any tolerance reaches.
GAP = 8

# A connected piece counts when it has more voxels than this: of false ones in labelled cubes, and
# of those on the field survey.
FALSE_VOXELS, FIELD_VOXELS = 50, 300


@dataclass(frozen=True)
class Piece:
    """A connected piece: its number of voxels and the box it is in, first and last (n3, n2, n1)."""

    voxels: int
    first: tuple[int, int, int]
    last: tuple[int, int, int]


def pieces_away(found: Mask, near: Mask, more_than: int) -> list[Piece]:
    """Connected pieces of `found` that have no voxel in `near`, the largest first.

    Voxels that share a corner are connected. Pieces of `more_than` voxels or fewer do not count.
    """
    number, count = label(found, generate_binary_structure(3, 3))
    sizes = np.bincount(number.ravel(), minlength=count + 1)
    touching = np.bincount(number[near], minlength=count + 1) > 0
    boxes = find_objects(number)
    pieces = []
    for piece in np.flatnonzero((sizes > more_than) & ~touching):
        if piece == 0:
            continue
        box = boxes[piece - 1]
        first = (box[0].start, box[1].start, box[2].start)
        last = (box[0].stop - 1, box[1].stop - 1, box[2].stop - 1)
        pieces.append(Piece(int(sizes[piece]), first, last))
    return sorted(pieces, key=lambda piece: -piece.voxels)


def joined(cubes: list[Array]) -> Array:
    """Cubes (n3, n2, n1) one behind the other along the inlines, with GAP empty ones between."""
    gap = np.zeros((GAP, *cubes[0].shape[1:]), np.float32)
    parts = [cubes[0]]
    for cube in cubes[1:]:
        parts += [gap, cube]
    return np.concatenate(parts)


def labelled_row(predicted: list[Attributes], truth: list[Attributes], negative: bool) -> Metrics:
    """Scores of a case over all of its cubes; voxels of all cubes count alike.

    Those of rgt and dhr are means over the cubes. Of cubes without any labelled fault, only the
    share found and the pieces have a meaning.
    """
    fsem, labels = (joined([cube["fsem"] for cube in cubes]) for cubes in (predicted, truth))
    live = joined([np.ones_like(cube["fsem"]) for cube in truth])[:, :, 0] > 0
    found, true = fsem >= FAULT_THRESHOLD, labels >= FAULT_THRESHOLD
    pieces = pieces_away(found, within_tolerance(true), FALSE_VOXELS)
    row: Metrics = {
        "labelled_share": float(true[live].mean()),
        "predicted_share": float(found[live].mean()),
        "false_pieces": len(pieces),
        "false_voxels": sum(piece.voxels for piece in pieces),
        "largest_false_piece": max((piece.voxels for piece in pieces), default=0),
    }
    if not negative and true.any():
        # Shares of the gap are none: those of the cubes stay.
        row = fault_metrics(fsem, labels, live) | row
        row["median_degrees"] = _median_angle(predicted, truth)
    else:
        row["thickness"] = median_thickness(fsem)
    return row | _means(predicted, truth)


def _median_angle(predicted: list[Attributes], truth: list[Attributes]) -> float | None:
    names = ("fsem", "fdip", "fstrike")
    if not set(names) <= predicted[0].keys() & truth[0].keys():
        return None
    cubes = {n: (joined([p[n] for p in predicted]), joined([t[n] for t in truth])) for n in names}
    return orientation_metrics(cubes)["median_degrees"]


def _means(predicted: list[Attributes], truth: list[Attributes]) -> Metrics:
    """Scores of rgt and dhr, where both are there: means over the cubes that have them."""
    columns: dict[str, list[float | None]] = {}
    for ours, theirs in zip(predicted, truth, strict=True):
        both, live = ours.keys() & theirs.keys(), np.ones(ours["fsem"].shape[:2], bool)
        if "rgt" in both:
            rgt = geologic_time_metrics(ours["rgt"], theirs["rgt"], live)
            for name in ("mean_absolute_error_after_fit", "horizon_scatter_samples"):
                columns.setdefault(f"rgt_{name}", []).append(rgt[name])
        if "dhr" in both:
            same = correlation(ours["dhr"], theirs["dhr"])
            columns.setdefault("dhr_correlation", []).append(same)
    means: Metrics = {}
    for name, values in columns.items():
        known = [value for value in values if value is not None]
        means[name] = float(np.mean(known)) if known else None
    return means


def field_row(fsem: Array, peer: Array | None, live: Mask) -> tuple[Metrics, list[Piece]]:
    """Scores of the field survey, beside the peer where there is one, and pieces away from it.

    Args:
        fsem: fault probability, (n3, n2, n1).
        peer: the peer's, of the same shape.
        live: traces that hold data, (n3, n2).
    """
    alive = live[:, :, None]
    found = (fsem >= FAULT_THRESHOLD) & alive
    row: Metrics = {
        "predicted_share": float(found[live].mean()),
        "thickness": median_thickness(np.where(alive, fsem, np.float32(0))),
    }
    if peer is None:
        return row, []
    theirs = (peer >= FAULT_THRESHOLD) & alive
    near = within_tolerance(theirs)
    pieces = pieces_away(found, near, FIELD_VOXELS)
    row |= {
        "peer_reached": _share(theirs, within_tolerance(found)),
        "near_peer": _share(found, near),
        "thickness_near_peer": median_thickness(np.where(alive, fsem, np.float32(0)), near),
        "false_pieces": len(pieces),
        "false_voxels": sum(piece.voxels for piece in pieces),
        "largest_false_piece": max((piece.voxels for piece in pieces), default=0),
    }
    return row, pieces


def _share(part: Mask, inside: Mask) -> float | None:
    return float(inside[part].mean()) if part.any() else None


@dataclass(frozen=True)
class Reliability:
    """Sums over voxels in bins of the probability: of it, of faults, and of the voxels."""

    probability: NDArray[np.float64]
    faults: NDArray[np.float64]
    voxels: NDArray[np.float64]

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(
            self.probability + other.probability,
            self.faults + other.faults,
            self.voxels + other.voxels,
        )


NOTHING = Reliability(*(np.zeros(CALIBRATION_BINS) for _ in range(3)))


def reliability_of(predicted: list[Attributes], truth: list[Attributes]) -> Reliability:
    """The reliability diagram of a case over all of its cubes."""
    total = NOTHING
    for ours, theirs in zip(predicted, truth, strict=True):
        mean, share, count = reliability(
            np.clip(ours["fsem"], 0, 1).ravel(), (theirs["fsem"] >= FAULT_THRESHOLD).ravel()
        )
        probability, faults = (np.nan_to_num(values) * count for values in (mean, share))
        total += Reliability(probability, faults, count.astype(float))
    return total
