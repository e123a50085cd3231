"""Which sections of a volume are drawn: those that show most of its faults."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ..volume.attributes import PROBABILITY
from ..volume.raw import Array, Shape
from .fault_lines import FaultMeshes
from .section import Section

# Sections keep this fraction of the survey away from its edges.
EDGE = 0.1

# Angle in degrees between a section and the strike of a fault at which the fault does not count.
ALONG = 30.0

# Number of neighbouring sections over which the area of faults is averaged.
SMOOTHED = 5

# Maximum number of lines and samples of each axis that are read to choose without fault surfaces.
LOOKED_AT = 96


def choose_sections(
    shape: Shape,
    meshes: FaultMeshes | None = None,
    fsem: Array | None = None,
    probability: float = PROBABILITY,
    parts: Sequence[tuple[float, float]] = ((EDGE, 1 - EDGE),) * 3,
) -> tuple[Section, ...]:
    """Choose an inline, a crossline and a time or depth slice.

    With fault surfaces, each section is the one that cuts most of them. A fault counts with the
    root of its area near the section, so that several faults count more than a single large one.
    For an inline and a crossline, area counts by how squarely they cut it: fully at a right angle,
    not at all at ALONG degrees. Faults that run along a section, which look like smears there,
    count against it. A 2D line has one section alone, the line itself.

    Args:
        shape: Size of the volume.
        meshes: Fault surfaces, if any were picked.
        fsem: Fault probability (n3, n2, n1), used without fault surfaces.
        probability: Minimum fault probability of a fault.
        parts: Part of each axis (n3, n2, n1) in which the section lies, as fractions of the survey.
    """
    if shape.n3 == 1:
        return (Section(0, 0),)
    worth = [np.zeros(n) for n in shape.array]
    if meshes is not None and meshes.fault.size:
        worth = _worth_of_meshes(shape, meshes)
    elif fsem is not None:
        worth = _worth_of_probability(shape, fsem, probability)
    best = (_best(values, *part) for values, part in zip(worth, parts, strict=True))
    return tuple(Section(axis, index) for axis, index in enumerate(best))


def _best(worth: NDArray[np.float64], low: float, high: float) -> int:
    """Index of the best section between two fractions; of equal ones that nearest their middle."""
    first, last = round(low * (worth.size - 1)), round(high * (worth.size - 1))
    inside = worth[first : last + 1]
    best = np.flatnonzero(inside >= inside.max() - 1e-9)
    return first + int(best[np.argmin(np.abs(best - (last - first) // 2))])


def _worth_of_meshes(shape: Shape, meshes: FaultMeshes) -> list[NDArray[np.float64]]:
    normals = meshes.area_normals()
    area = np.linalg.norm(normals, axis=1)
    across = np.square(normals[:, :2])
    horizontal = across.sum(axis=1)
    # The square of the cosine between the normals is 0 at a right angle of fault and section.
    cosine2 = across / np.where(horizontal > 0, horizontal, 1.0)[:, None]
    squarely = 1 - cosine2 / np.cos(np.radians(ALONG)) ** 2
    weights = [area * squarely[:, 0], area * squarely[:, 1], area]
    _, fault = np.unique(meshes.fault, return_inverse=True)
    middles = meshes.corners.mean(axis=1)
    worth = []
    for axis, (n, weight) in enumerate(zip(shape.array, weights, strict=True)):
        at = np.clip(np.round(middles[:, axis]).astype(np.int64), 0, n - 1)
        seen = np.bincount(fault * n + at, weight, (fault.max() + 1) * n).reshape(-1, n)
        seen = uniform_filter1d(seen, SMOOTHED, axis=1, mode="nearest")
        worth.append((np.sign(seen) * np.sqrt(np.abs(seen))).sum(axis=0))
    return worth


def _worth_of_probability(
    shape: Shape, fsem: Array, probability: float
) -> list[NDArray[np.float64]]:
    """Number of fault voxels on some of the sections, 0 on the others."""
    steps = [-(-n // LOOKED_AT) for n in shape.array]
    fault = np.asarray(fsem[:: steps[0], :: steps[1], :: steps[2]]) >= probability
    worth = []
    for axis, (n, step) in enumerate(zip(shape.array, steps, strict=True)):
        counts = np.zeros(n)
        counts[::step] = fault.sum(axis=tuple(other for other in range(3) if other != axis))
        worth.append(counts)
    return worth
