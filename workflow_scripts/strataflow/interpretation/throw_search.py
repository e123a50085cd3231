"""Coarse search for the shift between the walls of a fault, over its whole surface.

A window on its own cannot tell layers apart that look alike. The whole surface can: throw changes
slowly along it. The shifts that vary linearly over the surface are compared first. Belief
propagation (Felzenszwalb and Huttenlocher, 2006, Int. J. Computer Vision 70; sweeps along rows:
Tappen and Freeman, 2003, ICCV) then bends the best of them to the layers. The bent shift with the
smallest cost is taken. Where another one is nearly as good, the shift is uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..volume.raw import Array
from .throw_walls import Walls

Shifts = NDArray[np.intp]

# Sides of a node of the search, in cells.
NODE = 8

# Standard deviation in cells of the window in which amplitudes are normalised, and the largest that
# counts. The window is long, so that strong and weak layers stay apart.
SCALE, LARGEST = 40.0, 2.5

# Correlation of the walls at which a match is as good as none at all, beyond the ends of a wall.
NO_MATCH = 0.25

# Changes of the shift over the surface that are tried, in cells, and the largest change a cell.
CHANGES, STEEPEST = np.arange(-48, 49, 6), 0.5

# Linear shifts that are followed, and the cells between any two of them.
CANDIDATES, APART = 6, 6

# Cost of the largest shift: of matches that are alike, the smaller shift is the likelier one.
LARGE = 0.05

# Cells to either side of a shift that it can bend at once, and how often at most.
BAND, ROUNDS = 12, 3

# Cost of a change of the shift by one cell from one node to the next, and of each further one.
FIRST_CHANGE, CHANGE = 0.02, 0.3

# Times that messages pass over the surface in all directions.
SWEEPS = 3

# Shifts that differ by more than this number of cells are different matches.
DIFFERENT = 4

# Standard deviation in nodes of the window in which matches are compared.
COMPARED = 4.0


@dataclass(frozen=True)
class _Match:
    """Shifts of nodes, the cost of each, and of all with that of their changes."""

    shifts: Shifts
    costs: Array
    total: float


def coarse_shifts(walls: Walls, there: NDArray[np.bool_], lags: int) -> tuple[Array, Array]:
    """The shift of each cell down the dip, in cells, and how certain it is, both (A, B).

    Args:
        walls: Walls of the fault.
        there: Cells (A, B) that count.
        lags: Largest shift, in cells.

    Returns:
        Shifts, smoothed over neighbouring nodes, and certainties from 0 to 1. A certainty is 0
        where another match is as good.
    """
    costs = _costs(walls, there, lags)
    matches = [_bent(costs, start) for start in _linear(costs)]
    matches.sort(key=lambda match: match.total)
    shape = there.shape
    shift = gaussian_filter(_cells(matches[0].shifts - lags, shape).astype(np.float32), NODE / 2)
    return shift, gaussian_filter(_cells(_certainty(costs, matches), shape), NODE / 2)


def _cells(nodes: NDArray, shape: tuple[int, ...]) -> NDArray:
    """Values of nodes as those of cells."""
    return nodes.repeat(NODE, axis=0).repeat(NODE, axis=1)[: shape[0], : shape[1]]


def _costs(walls: Walls, there: NDArray[np.bool_], lags: int) -> Array:
    """Cost (2 lags + 1, nodes along u, nodes along v) of each shift of each node.

    It is the mean over the cells of a node of the negative product of the walls, plus NO_MATCH
    times their mean square. Cells without a pair of amplitudes at a shift cost 0. Large shifts
    cost a little.
    """
    # Every other column does: amplitudes are smooth along u.
    normal = walls.normalised(SCALE).every(2)
    foot, hanging = (v.clip(-LARGEST, LARGEST) for v in (normal.foot, normal.hanging))
    foot_power, hanging_power = (0.5 * NO_MATCH * v * v for v in (foot, hanging))
    thin = there[::2]
    width, height = thin.shape
    across, down = -(-there.shape[0] // NODE), -(-height // NODE)
    padded = np.zeros((across * NODE // 2, down * NODE), np.float32)
    padded[:width, :height] = thin
    share = padded.reshape(across, NODE // 2, down, NODE).mean(axis=(1, 3))
    large = LARGE * np.abs(np.arange(-lags, lags + 1, dtype=np.float32)) / max(lags, 1)
    costs = large[:, None, None] * share
    for number, lag in enumerate(range(-lags, lags + 1)):
        middle, up, low = paired(lag, height)
        if middle.stop <= middle.start:
            continue
        cost = foot_power[:, up] + hanging_power[:, low] - foot[:, up] * hanging[:, low]
        known = normal.foot_known[:, up] & normal.hanging_known[:, low] & thin[:, middle]
        padded[:] = 0
        padded[:width, middle] = cost * known
        costs[number] += padded.reshape(across, NODE // 2, down, NODE).mean(axis=(1, 3))
    return costs


def paired(lag: int, height: int) -> tuple[slice, slice, slice]:
    """Cells that have a pair at a shift of `lag` within `height`, and those of the two walls.

    Half of a shift goes up the footwall and half of it down the hanging wall.
    """
    up, down = lag // 2, lag - lag // 2
    low, high = max(up, -down, 0), height - max(down, -up, 0)
    return slice(low, high), slice(low - up, high - up), slice(low + down, high + down)


def _linear(costs: Array) -> list[Shifts]:
    """The best shifts that change linearly over the nodes, as numbers of `costs`."""
    count = len(costs)
    used = np.nonzero(costs.any(axis=0))
    if not used[0].size:
        return [np.full(costs.shape[1:], count // 2)]
    across, down = (
        _fractions(size, nodes) for size, nodes in zip(costs.shape[1:], used, strict=True)
    )
    reach = 2 * int(CHANGES.max()) + 1
    padded = np.pad(costs[:, used[0], used[1]], ((reach, reach), (0, 0)))
    sums, changes = [], []
    for change in product(*(_changes(size) for size in costs.shape[1:])):
        trend = np.rint(change[0] * across[used[0]] + change[1] * down[used[1]]).astype(np.int64)
        total = np.zeros(count)
        for step in np.unique(trend):
            first = reach + step
            total += padded[first : first + count, trend == step].sum(axis=1)
        sums.append(total)
        changes.append(change)
    totals = np.stack(sums)
    best = totals.argmin(axis=0)
    starts: list[int] = []
    for at in np.argsort(totals.min(axis=0), kind="stable").tolist():
        if len(starts) < CANDIDATES and all(abs(at - other) >= APART for other in starts):
            starts.append(at)
    return [
        np.rint(at + changes[best[at]][0] * across[:, None] + changes[best[at]][1] * down).astype(
            np.intp
        )
        for at in starts
    ]


def _fractions(size: int, used: NDArray[np.intp]) -> NDArray[np.float64]:
    """Places of nodes along an axis, from about -0.5 to 0.5 at the ends of the `used` ones."""
    extent = max(int(np.ptp(used)), 1)
    return (np.arange(size) - used.mean()) / extent


def _changes(size: int) -> NDArray[np.int64]:
    """Changes of the shift along an axis of `size` nodes that are not too steep."""
    return CHANGES[np.abs(CHANGES) <= STEEPEST * NODE * (size - 1)]


def _bent(costs: Array, start: Shifts) -> _Match:
    """The best shifts near `start`. Changes that `start` has too cost nothing."""
    band = np.arange(-BAND, BAND + 1)[:, None, None]
    best, centre = _match(costs, start, start), start
    for _ in range(ROUNDS):
        near = _costs_at(costs, centre + band)
        found = _beliefs(near, centre - start).argmin(axis=0) - BAND
        match = _match(costs, centre + found, start)
        if match.total >= best.total:
            break
        best = match
        # The next band follows the shift.
        centre = np.rint(gaussian_filter(match.shifts.astype(np.float32), 1.0)).astype(np.intp)
    return best


def _match(costs: Array, shifts: Shifts, start: Shifts) -> _Match:
    own = _costs_at(costs, shifts[None])[0]
    total = float(own.sum())
    for axis in (0, 1):
        change = np.abs(np.diff(shifts - start, axis=axis))
        total += float(np.where(change > 0, FIRST_CHANGE + CHANGE * (change - 1), 0).sum())
    return _Match(shifts, own, total)


def _costs_at(costs: Array, shifts: Shifts) -> Array:
    """Costs of `shifts` (M, nodes along u, nodes along v); 0, no match, beyond the range."""
    last = len(costs) - 1
    near = np.take_along_axis(costs, shifts.clip(0, last), axis=0)
    return np.where((shifts >= 0) & (shifts <= last), near, 0).astype(np.float32)


def _beliefs(costs: Array, offset: Shifts) -> Array:
    """Cost of each shift (M, nodes along u, nodes along v) with the best of all other nodes.

    The shift of number 0 is larger by `offset` (nodes along u, nodes along v) than in other nodes.
    """
    # Messages from the node before and the node after, along both axes.
    messages = {(axis, step): np.zeros_like(costs) for axis in (1, 2) for step in (-1, 1)}
    for _ in range(SWEEPS):
        for axis, step in messages:
            others = [m for way, m in messages.items() if way != (axis, -step)]
            moved = [np.moveaxis(values, axis, 0) for values in (costs, *others)]
            to = np.moveaxis(messages[axis, step], axis, 0)
            offsets = np.moveaxis(offset, axis - 1, 0)
            size = costs.shape[axis]
            nodes = range(1, size) if step < 0 else range(size - 2, -1, -1)
            for node in nodes:
                message = _message(sum(values[node + step] for values in moved))
                to[node] = _offset(message, offsets[node] - offsets[node + step])
    return np.asarray(costs + sum(messages.values()), np.float32)


def _message(cost: Array) -> Array:
    """Smallest cost to be at each shift, the first axis, of the next node."""
    best = cost - cost.min(axis=0)
    best = np.minimum(best, _stepped(best, 1, FIRST_CHANGE))
    step = 1
    # Steps of 1, 2, 4 and so on make up any change.
    while step < len(cost):
        best = np.minimum(best, _stepped(best, step, CHANGE * step))
        step *= 2
    return best


def _offset(message: Array, by: Shifts) -> Array:
    """`message` (M, N) for shifts whose numbers start `by` (N,) later."""
    if not by.any():
        return message
    number = np.arange(len(message))[:, None] + by
    inner = number.clip(0, len(message) - 1)
    beyond = CHANGE * np.abs(number - inner)
    return np.asarray(np.take_along_axis(message, inner, axis=0) + beyond, np.float32)


def _stepped(cost: Array, step: int, price: float) -> Array:
    """`cost` of the cheaper shift `step` to either side, plus the `price` of the change."""
    result = np.full_like(cost, np.inf)
    result[step:] = cost[:-step]
    result[:-step] = np.minimum(result[:-step], cost[step:])
    return result + price


def _certainty(costs: Array, matches: list[_Match]) -> Array:
    """How much better the first of `matches` is around each node than any other, from 0 to 1.

    Others are the different ones of `matches`, and shifts that differ from the first one by any
    number of cells.
    """
    best = matches[0]
    gain = np.maximum(-_around(best.costs), 1e-6)
    rest = np.zeros_like(gain)
    for match in matches[1:]:
        different = np.abs(match.shifts - best.shifts) > DIFFERENT
        whole = match.total / min(best.total, -1e-6)
        rest = np.where(
            different, np.maximum(rest, np.maximum(-_around(match.costs) / gain, whole)), rest
        )
    for apart in range(DIFFERENT + 1, len(costs)):
        for shifts in (best.shifts - apart, best.shifts + apart):
            rest = np.maximum(rest, -_around(_costs_at(costs, shifts[None])[0]) / gain)
    return (1 - rest.clip(0, 1)).astype(np.float32)


def _around(costs: Array) -> Array:
    return np.asarray(gaussian_filter(costs, COMPARED, mode="constant"), np.float32)
