"""Control of geologic time: points that a user knows to be of one layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..volume.raw import Array
from .rgt_elements import Elements
from .rgt_ties import Ties

# Weight of the points of a control in an element; a planar reflector has weight 1. The fit would
# squeeze time to meet rough points of a larger weight.
WEIGHT = 1.0

# Minimum time in samples between controls in order, and the weight of that.
GAP, ORDER_WEIGHT = 1.0, 1e4

# Standard deviation in lines, and samples of time, over which what is left at points fades out.
FADE_LINES, FADE_TIME = 4.0, 16.0

# Samples that do not count.
NOTHING = 0.01


@dataclass(frozen=True)
class Control:
    """Points that have one geologic time, such as a picked horizon.

    `points` (N, 3) over (n3, n2, n1) are places in voxels, with fractions. A control of `weight` 1
    holds within half a sample; less weight is a hint, and the rest of the image decides with it.
    Controls with an `order` get older as it grows; without one the image decides.
    """

    points: NDArray[np.float64]
    weight: float = 1.0
    order: float | None = None
    name: str = ""


def control_ties(controls: Sequence[Control], elements: Elements) -> Ties:
    """Equations for the points of `controls`: the time at each is that of its control."""
    count = len(elements.vertex_of)
    ties = Ties.empty(count)
    for control in controls:
        points, voxels = _places(control, elements)
        nodes, weights = elements.stencils(points, voxels)
        _, element, share = np.unique(
            voxels // elements.side, axis=0, return_inverse=True, return_counts=True
        )
        rest = np.zeros((len(nodes), 7))
        own = np.full((len(nodes), 1), count)
        ties += Ties(
            count,
            1,
            np.concatenate([nodes, own, rest], axis=1).astype(np.int32),
            np.concatenate([weights, -np.ones(own.shape), rest], axis=1),
            -points[:, 2],
            WEIGHT * control.weight / share[element.ravel()],
        )
    return ties.in_order(_ordered(controls), GAP, ORDER_WEIGHT)


def _points(control: Control) -> NDArray[np.float64]:
    return np.asarray(control.points, np.float64).reshape(-1, 3)


def _places(control: Control, elements: Elements) -> tuple[Array, NDArray[np.int64]]:
    """Points of a control, and their voxels."""
    points = _points(control)
    voxels = np.rint(points).astype(np.int64)
    return points, voxels.clip(0, np.array(elements.shape) - 1)


def _ordered(controls: Sequence[Control]) -> list[tuple[int, int]]:
    """Pairs of controls, the younger one first, that follow each other in their order."""
    known = [(c.order, number) for number, c in enumerate(controls) if c.order is not None]
    known.sort()
    return [(a, b) for (p, a), (q, b) in zip(known, known[1:], strict=False) if p < q]


class Remainder:
    """What the fit leaves at the points of controls, taken away trace by trace.

    Elements are larger than voxels, so that a rough horizon does not fit. The rest is added at the
    traces of the points, and fades out with the distance from them and from the time of the control.
    """

    def __init__(
        self, controls: Sequence[Control], elements: Elements, solution: NDArray[np.float64]
    ) -> None:
        """Measure the rest.

        Args:
            controls: those of the fit; only those of full weight hold exactly.
            elements: of the volume.
            solution: shift at the nodes, then the time of each control, in samples.
        """
        count = len(elements.vertex_of)
        hard = [number for number, control in enumerate(controls) if control.weight >= 1]
        self.times = solution[count:][hard]
        self.rests = [
            self._rest(controls[number], elements, solution[:count], time)
            for number, time in zip(hard, self.times, strict=True)
        ]

    @staticmethod
    def _rest(
        control: Control, elements: Elements, shift: NDArray[np.float64], time: float
    ) -> Array:
        """What is missing at each trace, (n3, n2)."""
        points, voxels = _places(control, elements)
        nodes, weights = elements.stencils(points, voxels)
        missing = time - points[:, 2] - (shift[nodes] * weights).sum(axis=1)
        lines = elements.shape[:2]
        trace = np.ravel_multi_index(tuple(voxels[:, :2].T), lines)
        there = np.bincount(trace, minlength=lines[0] * lines[1]).reshape(lines)
        total = np.bincount(trace, missing, lines[0] * lines[1]).reshape(lines)
        mean = total / np.maximum(there, 1)
        known = there > 0
        near = gaussian_filter(known.astype(np.float64), FADE_LINES, mode="constant")
        around = gaussian_filter(mean, FADE_LINES, mode="constant")
        # Half of what a straight edge of points has is left of it at the edge itself.
        faded = around / np.maximum(near, 0.25)
        return np.where(known, mean, faded).astype(np.float32)

    def on(self, i3: int, time: Array) -> Array:
        """`time` of an inline (n2, n1) in samples with the rest added."""
        result = time.copy()
        order = np.argsort(self.times)
        rests = [self.rests[number][i3] for number in order]
        # Times that the fit gives to the points of each control.
        found = [at - rest for at, rest in zip(self.times[order], rests, strict=True)]
        far = np.full(time.shape[0], np.inf)
        for rest, before, here, after in zip(
            rests, [-far, *found], found, [*found[1:], far], strict=False
        ):
            (traces,) = np.nonzero(np.abs(rest) > NOTHING)
            off = time[traces] - here[traces, None]
            # It fades out before the next control.
            up, down = (
                np.clip(room[traces, None], NOTHING, FADE_TIME)
                for room in (here - before, after - here)
            )
            share = np.clip(1 - np.abs(off) / np.where(off < 0, up, down), 0, 1)
            result[traces] += (rest[traces, None] * share).astype(np.float32)
        return result
