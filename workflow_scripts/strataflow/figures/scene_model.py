"""What the 3D scene of a run shows, from where it is seen, and the axes of the survey around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..volume.raw import Array
from ..volume.units import METRES
from ..volume.volume import Volume
from .camera import CORNERS, best_corner, towards_camera
from .choice import choose_sections
from .fault_lines import FaultMeshes
from .layout import Scale
from .north import compass_of
from .section import Section, axis_label

# The sections lie behind the faults: in this far share of the survey.
BEHIND = 0.35


@dataclass(frozen=True)
class Horizon:
    """A horizon: its name, and sample indices (n3, n2), NaN where it is not defined."""

    name: str
    index: Array


@dataclass(frozen=True)
class Scene:
    """What is shown in 3D.

    Attributes:
        image: Input image.
        meshes: Fault surfaces, if any.
        horizon: A horizon, if there is one.
        scale: How long the axes are drawn.
    """

    image: Volume
    meshes: FaultMeshes | None
    horizon: Horizon | None
    scale: Scale

    @property
    def sections(self) -> tuple[Section, Section]:
        """An inline and a crossline behind most faults that cut many of them."""
        behind = [(0.0, BEHIND) if side > 0 else (1 - BEHIND, 1.0) for side in self.corner]
        parts = [*behind, (0.0, 1.0)]
        chosen = choose_sections(self.image.shape, self.meshes, parts=parts)
        return chosen[0], chosen[1]

    @property
    def corner(self) -> tuple[int, int]:
        """Side of the survey along (n3, n2), -1 or 1, over which the faults are seen best."""
        if self.meshes is None or not self.meshes.fault.size:
            return CORNERS[0]
        places = self.place(self.meshes.corners.reshape(-1, 3)).reshape(-1, 3, 3)
        placed = FaultMeshes(places, self.meshes.fault)
        return best_corner(placed.area_normals(), self.steps[:2, :2])

    def towards(self, corner: tuple[int, int]) -> NDArray[np.float64]:
        """Direction from the middle of the survey to a camera over one of its corners."""
        return towards_camera(corner, self.steps[:2, :2])

    def place(self, index: NDArray) -> NDArray[np.float64]:
        """Places (N, 3) east, north and up of the middle, of indices (N, 3) along (n3, n2, n1)."""
        middle = (np.array(self.image.shape.array) - 1) / 2
        away = np.asarray(index, np.float64) - middle
        return away @ self.steps

    @property
    def lies_on_the_map(self) -> bool:
        """Whether places of the scene are east and north; otherwise, along the lines."""
        sidecar = self.image.sidecar
        return sidecar.axes[0].unit in METRES and compass_of(sidecar) is not None

    @property
    def steps(self) -> NDArray[np.float64]:
        """Steps east, north and up of one step along n3, n2 and n1, as rows."""
        sidecar = self.image.sidecar
        length3, length2, down = self.scale.steps
        _, along3, along2 = sidecar.lattice()
        if not self.lies_on_the_map:
            along3, along2 = np.array([0.0, length3]), np.array([length2, 0.0])
        steps = np.zeros((3, 3))
        steps[0, :2], steps[1, :2], steps[2, 2] = along3, along2, -down
        return steps


def middle_horizon(names: list[str], indices: Array, meshes: FaultMeshes | None) -> Horizon | None:
    """The horizon whose mean depth is closest to the mean depth of the faults.

    Args:
        names: Names of the horizons.
        indices: Sample indices (horizons, n3, n2), NaN where a horizon is not defined.
        meshes: Fault surfaces, if any; without them, the middle horizon is chosen.
    """
    defined = [i for i in range(len(names)) if np.isfinite(indices[i]).mean() > 0.5]
    if not defined:
        return None
    chosen = defined[len(defined) // 2]
    if meshes is not None and meshes.fault.size:
        area = np.linalg.norm(meshes.area_normals(), axis=1)
        depth = np.average(meshes.corners.mean(axis=1)[:, 2], weights=area)
        chosen = min(defined, key=lambda i: abs(float(np.nanmean(indices[i])) - depth))
    return Horizon(names[chosen], indices[chosen])


@dataclass(frozen=True)
class Label:
    """A text at a place; `is_name` if it names an axis."""

    text: str
    place: NDArray[np.float64]
    is_name: bool = False


@dataclass(frozen=True)
class View:
    """Where the camera is, and the box of the survey with its axes."""

    scene: Scene

    @cached_property
    def corner(self) -> tuple[int, int]:
        """Side of the survey along (n3, n2), -1 or 1, on which the camera is."""
        return self.scene.corner

    @property
    def towards_camera(self) -> NDArray[np.float64]:
        """Direction from the middle of the survey to the camera."""
        return self.scene.towards(self.corner)

    @property
    def _ends(self) -> list[tuple[float, float]]:
        return [(0.0, n - 1.0) for n in self.scene.image.shape.array]

    def _at(self, *index: float) -> NDArray[np.float64]:
        return self.scene.place(np.array([index]))[0]

    def corners(self) -> list[NDArray[np.float64]]:
        """Corners of the box."""
        return [self._at(*index) for index in product(*self._ends)]

    @property
    def bounds(self) -> list[float]:
        """Minimum and maximum of x, y and z of the box."""
        low, high = np.min(self.corners(), axis=0), np.max(self.corners(), axis=0)
        return [float(value) for pair in zip(low, high, strict=True) for value in pair]

    def _edges(self) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
        """Axis, a point and the outward direction (indices) of the edges that carry axes."""
        near = [self._ends[axis][(self.corner[axis] + 1) // 2] for axis in (0, 1)]
        deep = self._ends[2][1]
        yield 0, np.array([0, near[1], deep]), np.array([0, self.corner[1], 0])
        yield 1, np.array([near[0], 0, deep]), np.array([self.corner[0], 0, 0])
        # The vertical axis is at the corner that is seen on the left.
        right = np.cross([0, 0, 1], self.towards_camera)
        sides = [(self.corner[0], -self.corner[1]), (-self.corner[0], self.corner[1])]
        side = min(sides, key=lambda s: float(np.array(s) @ self.scene.steps[:2] @ right))
        foot = [self._ends[axis][(side[axis] + 1) // 2] for axis in (0, 1)]
        yield 2, np.array([*foot, 0]), np.array([*side, 0])

    def _ticks(self, axis: int) -> Iterator[tuple[float, str]]:
        """Index and text of the ticks of an axis."""
        along, (_, last) = self.scene.image.sidecar.axes[axis], self._ends[axis]
        first, end = sorted((along.first, along.first + along.step * last))
        for value in MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(first, end):
            index = (value - along.first) / along.step
            if 0 <= index <= last:
                yield index, f"{value:g}"

    def _tick_length(self) -> float:
        sides = self.scene.steps * (np.array(self.scene.image.shape.array) - 1)[:, None]
        return 0.015 * float(np.linalg.norm(sides, axis=1).max())

    def _outward(self, direction: NDArray[np.float64]) -> NDArray[np.float64]:
        out = direction @ self.scene.steps
        return out / np.linalg.norm(out)

    def lines(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Edges of the box and ticks."""
        for axis in range(3):
            first, second = (other for other in range(3) if other != axis)
            for a in self._ends[first]:
                for b in self._ends[second]:
                    start = np.zeros(3)
                    start[first], start[second] = a, b
                    end = start.copy()
                    end[axis] = self._ends[axis][1]
                    yield self._at(*start), self._at(*end)
        for axis, point, direction in self._edges():
            for index, _ in self._ticks(axis):
                at = point.copy()
                at[axis] = index
                start = self._at(*at)
                yield start, start + self._tick_length() * self._outward(direction)

    def labels(self) -> Iterator[Label]:
        """Texts of ticks and names of axes."""
        length = self._tick_length()
        for axis, point, direction in self._edges():
            out = self._outward(direction)
            for index, text in self._ticks(axis):
                at = point.copy()
                at[axis] = index
                yield Label(text, self._at(*at) + 3.2 * length * out)
            at = point.copy()
            at[axis] = self._ends[axis][1] / 2
            name = axis_label(self.scene.image.sidecar, axis)
            yield Label(name, self._at(*at) + 8.5 * length * out, is_name=True)
