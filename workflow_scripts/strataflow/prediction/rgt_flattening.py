"""Correction of RGT so that it follows the reflectors of the whole survey: seismic flattening.

A network sees one tile and cannot know the structure beyond it. The image gives the reflector dip
everywhere, and RGT is constant along a reflector. A least-squares fit over elements of voxels
combines both, like the flattening of Lomask et al. (2006, Geophysics 71). Reflector dips dominate
where reflectors are planar and continuous. The prediction of the network fills areas without
signal. Across fault surfaces time jumps: points that the throw says to be of one layer have one
time (Wu, Luo & Hale, 2016, Geophysics 81). So have the points of each control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import LinearOperator, cg

from ..interpretation.control import ControlSet
from ..interpretation.surfaces import Surface
from ..volume.raw import Array
from ..volume.structure_tensor import HALO, UNLIMITED, count_cells, in_cells
from .rgt_confidence import Confidence
from .rgt_control_ties import control_ties
from .rgt_cuts import find_cuts
from .rgt_elements import CORNERS, Elements, make_elements
from .rgt_multigrid import Multigrid
from .rgt_slopes import Reflectors, reflector_slopes
from .rgt_throws import throw_ties
from .rgt_ties import Ties

# Side of an element in voxels; doubled until there are at most MAX_ELEMENTS.
SIDE = 8
MAX_ELEMENTS = 2_000_000

# Weights of the predicted gradient along lines and along traces; a planar reflector has weight 1.
LATERAL_PRIOR, VERTICAL_PRIOR = 0.2, 0.6

# Weight of an element without a visible reflector.
UNSEEN = 1e-4

# Factor of the vertical weight in elements that faults cut, and in those next to them, where time
# should grow as on the mean. Without it, time would grow unevenly there to meet each throw.
BESIDE_FAULTS = 20.0

# Rounds of least squares, the last ones of which meet throws directly, and iterations and tolerance
# of the conjugate gradients in each.
POWERS = (0, 0.5, 1, 2, 2)
DIRECT_ROUNDS = 1
ITERATIONS, TOLERANCE = 100, 1e-4

# Weight of the predicted shift itself, so that there is one solution.
ANCHOR = 1e-6

# Limits of the vertical RGT gradient that scales the slope of a reflector.
GROWTH = (0.2, 3.0)

# Minimum increase of RGT per sample; the mean is 1.
MIN_GROWTH = 0.05


@dataclass(frozen=True)
class Corrections:
    """Corrections of RGT, an inline (n2, n1) in samples each, to iterate over once."""

    lines: Iterator[Array]
    confidence: Confidence

    def __iter__(self) -> Iterator[Array]:
        return self.lines


def follow_reflectors(
    time: Array,
    image: Array,
    fault: Array | None,
    live: NDArray[np.bool_],
    limits: tuple[float, float] = UNLIMITED,
    surfaces: Sequence[Surface] = (),
    control: Sequence[ControlSet] = (),
) -> Corrections:
    """Compute the correction that makes RGT follow the reflectors.

    All volumes have the shape (n3, n2, n1) and may be memory maps. The caller may overwrite an
    inline of `time` once its correction has been taken.

    Args:
        time: RGT in samples.
        image: Image with the reflectors.
        fault: Fault probability, if known.
        live: Live traces, bool (n3, n2).
        limits: Amplitudes of the image below and above these are clipped.
        surfaces: Fault surfaces with throws, across which time jumps.
        control: Sets of points that have one time each; `honour_control` makes that exact.

    Returns:
        The correction of each inline, to be added to `time`, and the confidence of the result.
    """
    side = SIDE
    while np.prod(count_cells(image.shape, side)) > MAX_ELEMENTS:
        side *= 2
    n3, n2, n1 = image.shape
    cuts = find_cuts(surfaces, (n3, n2, n1))
    elements = make_elements((n3, n2, n1), side, cuts)
    shift = _at_vertices(_over_cells(time, side, np.mean, less=np.arange(n1, dtype=np.float32)))
    reflectors = reflector_slopes(image, elements, limits, fault)
    seen = np.repeat(_seen(live, side).ravel(), elements.counts[2])[elements.home]
    ties = throw_ties(surfaces, elements, time) + control_ties(control, elements)
    first = shift.ravel()[elements.vertex_of].astype(np.float64)
    weighted = replace(reflectors, weight=reflectors.weight * seen + UNSEEN)
    solution = _Fit(elements, first, weighted, ties).solve()
    confidence = Confidence(reflectors.confidence, side, (n3, n2, n1)).without_throws(surfaces)
    return Corrections(_corrections(time, elements.planes(solution), cuts.repeats), confidence)


def _corrections(
    time: Array, shifts: Iterator[Array], repeats: NDArray[np.int64]
) -> Iterator[Array]:
    """Yield what changes each inline of `time` to depth plus the layer shift, growing downward."""
    n3, n2, n1 = time.shape
    depth = np.arange(n1, dtype=np.float32)
    ends = np.searchsorted(repeats, n2 * n1 * np.arange(n3 + 1))
    for i3, shift in enumerate(shifts):
        here = repeats[ends[i3] : ends[i3 + 1]] - i3 * n2 * n1
        yield growing(shift + depth, here) - time[i3]


def growing(time: Array, repeats: NDArray[np.int64] | None = None) -> Array:
    """Raise `time` (n2, n1) in samples where it increases by less than MIN_GROWTH per sample.

    Args:
        time: of an inline.
        repeats: places in the flat array after which layers repeat, so that time may fall.
    """
    floor = MIN_GROWTH * np.arange(time.shape[-1], dtype=np.float32)
    steep = time - floor
    result = np.maximum.accumulate(steep, axis=-1) + floor
    if repeats is None or not repeats.size:
        return result
    for trace in np.unique(repeats // time.shape[-1]):
        ends = repeats[repeats // time.shape[-1] == trace] % time.shape[-1] + 1
        parts = np.split(steep[trace], ends)
        result[trace] = np.concatenate([np.maximum.accumulate(part) for part in parts]) + floor
    return result


def _over_cells(
    values: Array, cell: int, reduce: Callable[..., Array], less: Array | float = 0.0
) -> Array:
    """Apply `reduce` (such as np.mean) to `values` minus `less` in each cell, row by row."""
    return np.concatenate(
        [
            reduce(in_cells(values[first : first + cell] - less, cell), axis=(1, 3, 5))
            for first in range(0, values.shape[0], cell)
        ]
    )


def _at_vertices(means: Array) -> Array:
    """Values at the vertices of elements from their means (m3, m2, m1)."""
    for axis in range(3):
        first, last = (means.take([i], axis) for i in (0, -1))
        if means.shape[axis] > 1:
            first = 2 * first - means.take([1], axis)
            last = 2 * last - means.take([-2], axis)
        wide = np.concatenate([first, means, last], axis)
        low, high = (wide.take(range(i, wide.shape[axis] - 1 + i), axis) for i in (0, 1))
        means = 0.5 * (low + high)
    return means


def _seen(live: NDArray[np.bool_], cell: int) -> NDArray[np.bool_]:
    """Mask of cells (m3, m2) whose gradients involve no dead traces."""
    reach = np.ones((2 * HALO + 1, 2 * HALO + 1), bool)
    well = binary_erosion(live, reach, border_value=1)
    return in_cells(well[..., None].astype(np.float32), cell).min(axis=(1, 3, 5))[..., 0] > 0


@dataclass(frozen=True)
class _Edges:
    """Edges of the elements: `ends` (2, E) are nodes, `axis` has the first edge of each axis.

    `of_part` (3, parts, 4) are the edges of each part along each axis.
    """

    ends: NDArray[np.int32]
    axis: NDArray[np.int64]
    of_part: NDArray[np.int32]


def _edges(elements: Elements) -> _Edges:
    whole = int(np.prod(elements.vertices))
    strides = [elements.vertices[1] * elements.vertices[2], elements.vertices[2], 1]
    ends, of_part = [], np.empty((3, len(elements.nodes), 4), np.int32)
    count, axis_starts = 0, [0]
    for axis, stride in enumerate(strides):
        low = np.flatnonzero(CORNERS[:, axis] == 0)
        a, b = elements.nodes[:, low], elements.nodes[:, low + (4, 2, 1)[axis]]
        of_part[axis] = count + a
        own = (a >= whole) | (b >= whole)
        pairs = np.stack([a[own], b[own]])
        extra, number = np.unique(pairs, axis=1, return_inverse=True)
        of_part[axis][own] = count + whole + number.ravel()
        first = np.arange(whole, dtype=np.int32)
        plain = np.stack([first, np.minimum(first + stride, whole - 1)])
        ends.append(np.concatenate([plain, extra], axis=1))
        count += whole + extra.shape[1]
        axis_starts.append(count)
    return _Edges(np.concatenate(ends, axis=1), np.array(axis_starts), of_part)


class _Fit:
    """Least squares for the layer shift s in samples at the nodes of the elements.

    Along a reflector with slope p in samples per line, z + s is constant: ds/dx = -p (1 + ds/dz).
    The factor 1 + ds/dz is taken from the previous round. As a free unknown it would tend to 0.
    """

    def __init__(
        self,
        elements: Elements,
        shift: NDArray[np.float64],
        reflectors: Reflectors,
        ties: Ties,
    ) -> None:
        """Set up the equations.

        Args:
            elements: of the volume.
            shift: Layer shift predicted by the network at the nodes, in samples.
            reflectors: of each part.
            ties: Equations between points.
        """
        self.elements, self.shift = elements, shift
        self.slopes, self.weight = reflectors.slopes, reflectors.weight
        weight = self.weight
        self.ties, self.edges = ties, _edges(elements)
        a, b = self.edges.ends
        n, count = len(shift), a.size
        ones = np.ones(count)
        rows = np.arange(count)
        self.unknowns = n + ties.times
        self.step = csr_array(
            (np.concatenate([-ones, ones]), (np.tile(rows, 2), np.concatenate([a, b]))),
            shape=(count, self.unknowns),
        )
        self.back = csr_array(self.step.T)
        # Predicted time is smeared over faults.
        clear = np.where(elements.beside_cuts[elements.home], 0.0, 1.0)
        priors = [np.full(len(weight), p**2) for p in (LATERAL_PRIOR,) * 2 + (VERTICAL_PRIOR,)]
        # Where layers converge, time is missing: those on one side must not drag the others.
        priors[2] *= np.square(reflectors.agreement)
        priors[2] *= np.where(clear > 0, 1, BESIDE_FAULTS)
        believed = [self._on_edges(axis, p * clear) for axis, p in enumerate(priors)]
        # Beside faults time grows as on the mean.
        self.prior = np.concatenate([*believed[:2], self._on_edges(2, priors[2])])
        self.kept = np.concatenate(believed) * (shift[b] - shift[a])
        self.reflectors = np.concatenate([self._on_edges(0, weight), self._on_edges(1, weight)])

    def _on_edges(self, axis: int, values: Array) -> NDArray[np.float64]:
        """Sums of a quarter of the `values` of the parts at each edge along an axis."""
        first, last = self.edges.axis[axis : axis + 2]
        at = (self.edges.of_part[axis] - first).ravel()
        return np.asarray(np.bincount(at, np.repeat(values / 4, 4), last - first), np.float64)

    def _growth(self, solution: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 + ds/dz of each part, within GROWTH."""
        first, last = self.edges.axis[2:4]
        a, b = self.edges.ends[:, first:last]
        rise = (solution[b] - solution[a]) / self.elements.side
        return np.clip(1 + rise[self.edges.of_part[2] - first].mean(axis=1), *GROWTH)

    def solve(self) -> NDArray[np.float64]:
        """The shift at the nodes, then the time of each control, in samples."""
        side, n = self.elements.side, len(self.shift)
        weights = self.prior.copy()
        weights[: self.reflectors.size] += self.reflectors
        solution: NDArray[np.float64] = np.concatenate(
            [self.shift, self.ties.first_times(self.shift)]
        )
        first, precondition = solution, None
        prompt, late = self.ties.matrix(), self.ties.late()
        for number, power in enumerate(POWERS):
            growth = self._growth(solution)
            pulls = self.kept.copy()
            for axis, slope in enumerate(self.slopes):
                first, last = self.edges.axis[axis : axis + 2]
                pulls[first:last] -= side * self._on_edges(axis, self.weight * slope * growth)
            if number < len(POWERS) - DIRECT_ROUNDS:
                rows, wanted = prompt, self.ties.wanted - late @ solution
            else:
                # Blocks are in place now. If a part of each equation still came from the round
                # before, errors shorter than a throw would grow.
                rows, wanted = csr_array(prompt + late), self.ties.wanted
            trust = self.ties.trusted(rows @ solution - wanted, power)
            system = self.back @ (self.step.multiply(weights[:, None])).tocsr()
            system = system + rows.T @ rows.multiply(trust[:, None]).tocsr()
            system = csr_array(system + ANCHOR * eye_array(self.unknowns))
            right = self.back @ pulls + rows.T @ (trust * wanted) + ANCHOR * first
            if precondition is None:
                place = np.full((3, self.unknowns), -1)
                place[:, :n] = np.unravel_index(self.elements.vertex_of, self.elements.vertices)
                precondition = Multigrid(system, place)
            found, _ = cg(
                system,
                right,
                x0=solution,
                rtol=TOLERANCE,
                maxiter=ITERATIONS,
                M=LinearOperator(system.shape, precondition, dtype=np.float64),
            )
            # The mean is free; rounding errors would add up in it.
            solution = np.asarray(found, np.float64)
            solution -= (solution[:n] - self.shift).mean()
        return solution
