"""Elements of the geologic time: blocks of voxels that faults cut into parts, each with own nodes.

Time is trilinear within an element. Where a fault cuts an element, each part has nodes of its own,
so that time jumps there and is smooth elsewhere: the phantom nodes of Hansbo & Hansbo (2004,
Computer Methods in Applied Mechanics and Engineering 193). Parts of neighbouring elements that
touch share the nodes of their common face. Beyond the end of a fault there is one part again, and
the jump fades out within an element.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..volume.raw import Array
from ..volume.structure_tensor import count_cells
from .rgt_cuts import Cuts, distinct

Ids = NDArray[np.int32]
Keys = NDArray[np.int64]
Values = NDArray[np.floating]

# The corners of an element, as steps along n3, n2 and n1.
CORNERS = np.array(list(product((0, 1), repeat=3)))

# Cut elements that are labelled together.
BATCH = 1 << 12


@dataclass(frozen=True)
class Elements:
    """Elements of `side` voxels in a volume of `shape` (n3, n2, n1), and their parts.

    Part p < the number of elements is the largest part of element p; other parts follow.
    `cut` (K,) are the elements that faults cut or come close to, sorted; `parts` (K, side**3) the
    part of each of their voxels; `near` (K, side**3) whether it is close to a fault. `home` has the
    element of each part, `touching` (2, T) the parts on both sides of each face that no fault
    closes, lower one first, and `nodes` (parts, 8) the nodes at the CORNERS of each part. Node v <
    the number of vertices belongs to vertex v, as the nodes of `extra` do: they have a vertex each.
    """

    side: int
    shape: tuple[int, int, int]
    cut: Keys
    parts: Ids
    near: NDArray[np.bool_]
    home: Ids
    touching: Ids
    nodes: Ids
    extra: Ids

    @property
    def counts(self) -> tuple[int, int, int]:
        """Elements along each axis."""
        m3, m2, m1 = count_cells(self.shape, self.side)
        return m3, m2, m1

    @property
    def vertices(self) -> tuple[int, int, int]:
        """Vertices along each axis."""
        m3, m2, m1 = self.counts
        return m3 + 1, m2 + 1, m1 + 1

    @cached_property
    def vertex_of(self) -> Ids:
        """Vertex of each node."""
        whole = np.arange(np.prod(self.vertices), dtype=np.int32)
        return np.concatenate([whole, self.extra])

    @cached_property
    def special(self) -> Ids:
        """Parts whose nodes are not those of the vertices of an uncut element, sorted."""
        plain = self.nodes[: int(np.prod(self.counts))]
        own = np.asarray((plain >= np.prod(self.vertices)).any(axis=1))
        own[self.cut] = True
        return np.flatnonzero(own).astype(np.int32)

    @cached_property
    def beside_cuts(self) -> NDArray[np.bool_]:
        """Which elements are cut or touch one that is."""
        mask = np.zeros(self.counts, bool)
        mask.reshape(-1)[self.cut] = True
        return np.asarray(maximum_filter(mask, 3), bool).ravel()

    def part_of(self, voxels: NDArray[np.int64]) -> Ids:
        """Part of each of `voxels` (N, 3)."""
        element, inner = self._split(voxels)
        at = np.searchsorted(self.cut, element)
        part = element.astype(np.int32)
        if self.cut.size:
            at = at.clip(max=self.cut.size - 1)
            here = self.cut[at] == element
            part[here] = self.parts[at[here], inner[here]]
        return part

    def stencils(self, points: Values, voxels: NDArray[np.int64]) -> tuple[Ids, Values]:
        """Nodes (N, 8) and weights (N, 8) of time at `points` (N, 3), in the part of `voxels`.

        The points may lie outside of the element of their voxel: time is carried on linearly.
        """
        place = (points + 0.5) / self.side - voxels // self.side
        weight = np.where(CORNERS, place[:, None], 1 - place[:, None]).prod(axis=2)
        return self.nodes[self.part_of(voxels)], weight

    def _split(self, voxels: NDArray[np.int64]) -> tuple[Keys, Keys]:
        """Elements of voxels (N, 3), and the places of the voxels in them."""
        side = self.side
        element = np.ravel_multi_index(tuple((voxels // side).T), self.counts)
        inner = np.ravel_multi_index(tuple((voxels % side).T), (side, side, side))
        return element, inner

    def planes(self, values: Values) -> Iterator[Array]:
        """Yield each inline (n2, n1) of the field with `values` at the nodes."""
        n3, n2, n1 = self.shape
        m3, m2, m1 = self.counts
        side = self.side
        grid = values[: np.prod(self.vertices)].reshape(self.vertices)
        weights = [_linear(m, side) for m in (m2, m1)]
        inner = np.indices((side, side, side)).reshape(3, -1).T
        place = ((inner + 0.5) / side)[:, None]
        corner_weights = np.where(CORNERS, place, 1 - place).prod(axis=2).astype(np.float32)
        ends = np.searchsorted(self.special, m2 * m1 * np.arange(m3 + 1))
        for row in range(m3):
            lines = [weights[0] @ grid[i].astype(np.float32) @ weights[1].T for i in (row, row + 1)]
            part = ((np.arange(side, dtype=np.float32) + 0.5) / side)[:, None, None]
            block = (1 - part) * lines[0] + part * lines[1]
            special = self.special[ends[row] : ends[row + 1]]
            if special.size:
                cells = self._special_values(special, values, corner_weights)
                i2, i1 = np.divmod(special - row * m2 * m1, m1)
                tiles = block.reshape(side, m2, side, m1, side)
                tiles[:, i2, :, i1, :] = cells.reshape(-1, side, side, side)
            yield from block[: n3 - row * side, :n2, :n1]

    def _special_values(self, special: Ids, values: Values, weights: Array) -> Array:
        """The field in `special` elements, (elements, side**3)."""
        result = np.asarray(values[self.nodes[special]], np.float32) @ weights.T
        at = np.searchsorted(self.cut, special).clip(max=max(self.cut.size - 1, 0))
        for first in range(0, special.size, BATCH):
            rows = np.arange(first, min(first + BATCH, special.size))
            rows = rows[self.cut[at[rows]] == special[rows]] if self.cut.size else rows[:0]
            parts = self.parts[at[rows]]
            row, voxel = np.nonzero(parts != special[rows][:, None])
            nodes = self.nodes[parts[row, voxel]]
            result[rows[row], voxel] = (values[nodes] * weights[voxel]).sum(axis=1)
        return result


def _linear(count: int, side: int) -> Array:
    """Matrix (count * side, count + 1) of linear interpolation from vertices to voxels."""
    at = (np.arange(count * side) + 0.5) / side
    return np.maximum(1 - np.abs(at[:, None] - np.arange(count + 1)), 0).astype(np.float32)


def make_elements(shape: tuple[int, int, int], side: int, cuts: Cuts) -> Elements:
    """Divide a volume into elements of `side` voxels, and these where faults cut them.

    Args:
        shape: of the volume, (n3, n2, n1).
        side: of an element in voxels.
        cuts: of the faults.
    """
    counts = count_cells(shape, side)
    total = int(np.prod(counts))
    element, _ = _places(np.concatenate([cuts.ends, cuts.near]), shape, side)
    cut = distinct(element)
    parts, pieces = _label_parts(cuts, shape, side, cut)
    number = _numbered(parts, pieces, cut, total)
    home = np.concatenate([np.arange(total), np.repeat(cut, pieces - 1)]).astype(np.int32)
    near = np.zeros(parts.shape, bool)
    element, inner = _places(cuts.near, shape, side)
    at = np.searchsorted(cut, element).clip(max=max(cut.size - 1, 0))
    here = cut[at] == element if cut.size else np.zeros(element.shape, bool)
    near[at[here], inner[here]] = True
    touching = _touching(cuts, shape, side, cut, number)
    nodes, extra = _shared_nodes(counts, cut, home, touching)
    return Elements(side, shape, cut, number, near, home, touching, nodes, extra)


def _places(keys: Keys, shape: tuple[int, int, int], side: int) -> tuple[Keys, Keys]:
    """Elements of voxels given by their place in the raw file, and places in the elements."""
    voxels = np.stack(np.unravel_index(keys, shape))
    element = np.ravel_multi_index(tuple(voxels // side), count_cells(shape, side))
    return element, np.ravel_multi_index(tuple(voxels % side), (side, side, side))


def _closed(
    cuts: Cuts, axis: int, shape: tuple[int, int, int], side: int, cut: Keys
) -> NDArray[np.bool_]:
    """Whether a fault passes between a voxel of the elements `cut` and the next along `axis`."""
    closed = np.zeros((cut.size, side**3), bool)
    element, inner = _places(cuts.links[axis], shape, side)
    closed[np.searchsorted(cut, element), inner] = True
    return closed.reshape(-1, side, side, side)


def _label_parts(
    cuts: Cuts, shape: tuple[int, int, int], side: int, cut: Keys
) -> tuple[Ids, NDArray[np.int64]]:
    """Part of each voxel of the elements `cut`, from 0 for the largest, and how many there are."""
    parts = np.zeros((cut.size, side**3), np.int32)
    pieces = np.ones(cut.size, np.int64)
    closed = [_closed(cuts, axis, shape, side, cut) for axis in range(3)]
    for first in range(0, cut.size, BATCH):
        some = slice(first, first + BATCH)
        parts[some], pieces[some] = _connected([links[some] for links in closed], side)
    return parts, pieces


def _connected(closed: list[NDArray[np.bool_]], side: int) -> tuple[Ids, NDArray[np.int64]]:
    """Parts of a batch of elements, for links (batch, side, side, side) closed along each axis."""
    # Voxels at even places, the links between them at odd ones. The last place is always closed.
    count = len(closed[0])
    fine = np.zeros((count, 2 * side, 2 * side, 2 * side), bool)
    fine[:, ::2, ::2, ::2] = True
    for axis, links in enumerate(closed):
        odd = [slice(None), *(slice(0, None, 2) for _ in range(3))]
        odd[axis + 1] = slice(1, -1, 2)
        inner = [slice(None)] * 4
        inner[axis + 1] = slice(0, -1)
        fine[tuple(odd)] = ~links[tuple(inner)]
    found, _ = label(fine.reshape(-1, 2 * side, 2 * side))
    parts = found.reshape(fine.shape)[:, ::2, ::2, ::2].reshape(count, -1)
    # Labels grow from element to element, so within one they follow each other.
    first = parts.min(axis=1)
    pieces = parts.max(axis=1) - first + 1
    parts -= first[:, None]
    most = int(pieces.max())
    slots = parts + most * np.arange(count)[:, None]
    sizes = np.bincount(slots.ravel(), minlength=most * count).reshape(count, most)
    rank = np.argsort(np.argsort(-sizes, axis=1, kind="stable"), axis=1, kind="stable")
    return rank.ravel()[slots].astype(np.int32), pieces.astype(np.int64)


def _numbered(parts: Ids, pieces: NDArray[np.int64], cut: Keys, total: int) -> Ids:
    """Numbers of the parts among those of all elements."""
    first = total + np.cumsum(pieces - 1) - (pieces - 1) - 1
    return np.where(parts == 0, cut[:, None], first[:, None] + parts).astype(np.int32)


def _touching(cuts: Cuts, shape: tuple[int, int, int], side: int, cut: Keys, number: Ids) -> Ids:
    """Parts (2, T) on both sides of open faces, the lower ones first."""
    counts = count_cells(shape, side)
    grid = np.arange(np.prod(counts), dtype=np.int32).reshape(counts)
    is_cut = np.zeros(grid.size, bool)
    is_cut[cut] = True
    pairs = []
    for axis in range(3):
        lower = np.moveaxis(grid, axis, 0)[:-1].ravel()
        upper = np.moveaxis(grid, axis, 0)[1:].ravel()
        plain = ~(is_cut[lower] | is_cut[upper])
        pairs.append(np.stack([lower[plain], upper[plain]]))
        lower, upper = lower[~plain], upper[~plain]
        pairs.append(_across(lower, upper, cuts, axis, shape, cut, number))
    return np.concatenate(pairs, axis=1).astype(np.int32)


def _across(
    lower: Ids,
    upper: Ids,
    cuts: Cuts,
    axis: int,
    shape: tuple[int, int, int],
    cut: Keys,
    number: Ids,
) -> Ids:
    """Parts that touch across the faces between elements `lower` and `upper`."""
    side = round(number.shape[1] ** (1 / 3))
    if not lower.size:
        return np.empty((2, 0), np.int32)
    blocks = number.reshape(-1, side, side, side)
    sides = []
    for elements, layer in ((lower, side - 1), (upper, 0)):
        at = np.searchsorted(cut, elements).clip(max=cut.size - 1)
        here = cut[at] == elements
        face = np.repeat(elements[:, None], side * side, axis=1)
        face[here] = blocks.take(layer, axis=axis + 1).reshape(cut.size, -1)[at[here]]
        sides.append(face)
    # A link is closed only where one of its ends lies in a cut element, here the lower one.
    at = np.searchsorted(cut, lower).clip(max=cut.size - 1)
    closed = _closed(cuts, axis, shape, side, cut).take(side - 1, axis=axis + 1)
    shut = closed.reshape(cut.size, -1)[at] & (cut[at] == lower)[:, None]
    pair = np.stack(sides).astype(np.int64)
    # Equal neighbours in a face are dropped first, since sorting is slow.
    new = ~shut
    new[:, 1:] &= shut[:, :-1] | (pair[:, :, 1:] != pair[:, :, :-1]).any(axis=0)
    return np.unique(pair[:, new], axis=1).astype(np.int32)


def _shared_nodes(counts: tuple[int, ...], cut: Keys, home: Ids, touching: Ids) -> tuple[Ids, Ids]:
    """Nodes (parts, 8) at the corners of each part, and the vertices of the additional nodes.

    Corners of parts that touch are one node. The first node of a vertex has its number.
    """
    vertices = tuple(m + 1 for m in counts)
    steps = np.ravel_multi_index(tuple(CORNERS.T), vertices)
    place = np.stack(np.unravel_index(home, counts))
    nodes = (np.ravel_multi_index(tuple(place), vertices)[:, None] + steps).astype(np.int32)
    # Only at vertices of cut elements can there be several nodes.
    hot = np.zeros(np.prod(vertices), bool)
    hot[nodes[cut]] = True
    slots = np.flatnonzero(hot[nodes].ravel())
    number = np.full(nodes.size, -1, np.int32)
    number[slots] = np.arange(slots.size)
    ends = []
    axis_of = (home[touching[1]] - home[touching[0]]).astype(np.int64)
    strides = [counts[1] * counts[2], counts[2], 1]
    done = np.zeros(axis_of.shape, bool)
    for axis, stride in enumerate(strides):
        along = (axis_of == stride) & ~done & (counts[axis] > 1)
        done |= along
        far = np.flatnonzero(CORNERS[:, axis] == 1)
        near = far - (4, 2, 1)[axis]
        for a, b in zip(far, near, strict=True):
            pair = 8 * touching[:, along].astype(np.int64) + np.array([[a], [b]])
            pair = number[pair]
            ends.append(pair[:, pair[0] >= 0])
    first, second = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(first.size, bool), (first, second)), shape=(slots.size,) * 2)
    _, found = connected_components(graph, directed=False)
    _, one = np.unique(found, return_index=True)
    vertex = nodes.ravel()[slots[one]]
    order = np.argsort(vertex, kind="stable")
    again = np.zeros(order.size, bool)
    again[1:] = vertex[order][1:] == vertex[order][:-1]
    node = vertex.copy()
    node[order[again]] = hot.size + np.arange(again.sum())
    nodes.reshape(-1)[slots] = node[found]
    return nodes, vertex[order[again]]
