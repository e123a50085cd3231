"""Pieces of fault surfaces: which are one fault, and what the joined surface looks like."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from strataflow.interpretation.joining import join_surfaces
from strataflow.interpretation.surfaces import Surface, frame_of

pytestmark = pytest.mark.unit

NORMAL = (-0.8, 0.3, -0.5)
GAP = 16.0


def piece(
    first: tuple[int, int],
    size: tuple[int, int],
    lift: float = 0.0,
    slope: float = 0.0,
    origin: tuple[float, float, float] = (100.0, 100.0, 100.0),
) -> Surface:
    """A rectangle of cells (A, B), `lift` voxels off one plane and turned about its dip line.

    A piece has a frame of its own, as grown surfaces have.
    """
    frame = frame_of(np.asarray(origin), np.asarray(NORMAL))
    a = np.arange(size[0])[:, None] + first[0]
    height = np.broadcast_to(lift + slope * (a - first[0]), size).astype(np.float32)
    ones = np.ones(size, np.float32)
    return Surface(frame, first, ones > 0, height, 0.8 * ones, np.nan * ones, 0 * ones)


def moved(surface: Surface, cells: tuple[int, int]) -> Surface:
    """The same surface, with the origin of its frame moved by whole cells."""
    frame = surface.frame
    origin = frame.origin + cells[0] * frame.u + cells[1] * frame.v
    first = (surface.first[0] - cells[0], surface.first[1] - cells[1])
    there = frame_of(origin, frame.normal)
    return Surface(
        there,
        first,
        surface.inside,
        surface.height,
        surface.probability,
        surface.throw,
        surface.quality,
    )


def heights(surface: Surface) -> NDArray[np.float64]:
    """Distances of the cells from the plane of `piece`."""
    frame = piece((0, 0), (1, 1)).frame
    points = surface.points()[:, surface.inside]
    return np.asarray(frame.normal @ (points - frame.origin[:, None]))


def test_two_pieces_of_a_plane_with_a_gap_become_one_surface() -> None:
    one, other = piece((0, 0), (40, 50)), moved(piece((50, 0), (30, 50)), (7, -5))
    (joined,) = join_surfaces([one, other], GAP)
    assert np.abs(heights(joined)).max() < 0.01
    # The gap of ten cells is filled, up to rounded corners.
    assert joined.inside.shape == (80, 50)
    assert joined.inside[:, 5:-5].all()
    assert joined.inside[:40].all()
    assert joined.inside[50:].all()
    assert np.allclose(joined.probability[joined.inside], 0.8, atol=1e-3)


def test_three_pieces_become_one_surface_whatever_their_order() -> None:
    pieces = [piece((50, 0), (20, 40)), piece((80, 0), (60, 40)), piece((0, 0), (40, 40))]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        (joined,) = join_surfaces([pieces[i] for i in order], GAP)
        assert joined.inside.shape == (140, 40)
        assert joined.inside[:, 5:-5].all()


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("a gap that is too wide", piece((60, 0), (40, 50))),
        ("a parallel fault ahead", piece((48, 0), (40, 50), lift=6)),
        ("a relay: parallel and overlapping", piece((25, 0), (40, 50), lift=3)),
        ("a fault that turns off", piece((45, 0), (40, 50), slope=0.5)),
    ],
)
def test_other_faults_stay_apart(what: str, other: Surface) -> None:
    one = piece((0, 0), (40, 50))
    assert len(join_surfaces([one, other], GAP)) == 2, what


def test_the_piece_that_continues_a_fault_best_is_joined() -> None:
    one = piece((0, 0), (60, 50))
    exact, lifted = piece((66, 0), (40, 50)), piece((66, 0), (40, 50), lift=1.2)
    joined, left = join_surfaces([one, lifted, exact], GAP)
    assert np.abs(heights(joined)).max() < 0.01
    assert np.abs(heights(left) - 1.2).max() < 0.01


def test_nothing_and_one_surface_stay_as_they_are() -> None:
    assert join_surfaces([], GAP) == []
    one = piece((0, 0), (40, 50))
    assert join_surfaces([one], GAP)[0] is one
