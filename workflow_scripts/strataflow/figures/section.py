"""A section of a volume: where it is, its samples, and the numbers along its axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..volume.raw import Array
from ..volume.sidecar import Sidecar

# Maximum number of traces along each axis of a slice: each trace is a disk page of its own.
SLICE_TRACES = 512


@dataclass(frozen=True)
class Section:
    """A section at `index`; `axis` is 0 for an inline, 1 for a crossline, 2 for a slice."""

    axis: int
    index: int

    def of(self, values: Array) -> Array:
        """The section of `values` (n3, n2, n1), with time, depth or inlines downward."""
        plane = np.array(values.take(self.index, self.axis))
        return plane.T if self.axis < 2 else plane

    def read(self, values: Array) -> Array:
        """The same of a memory map; slices have at most SLICE_TRACES traces along each axis."""
        if self.axis < 2:
            plane = values[self.index] if self.axis == 0 else values[:, self.index]
            return np.array(plane).T
        step3, step2 = (-(-n // SLICE_TRACES) for n in values.shape[:2])
        return np.array(values[::step3, ::step2, self.index])

    def title(self, sidecar: Sidecar) -> str:
        """Title with the line number, time or depth of the section."""
        axis = sidecar.axes[self.axis]
        number = axis.first + axis.step * self.index
        if self.axis == 0 and sidecar.is_line and not axis.first:
            return "2D line"
        if self.axis < 2:
            return f"{axis.name} {number:.10g}"
        return f"{sidecar.domain} slice {number:.10g} {axis.unit}"

    @property
    def axes(self) -> tuple[int, int]:
        """Volume axes that are horizontal and vertical in the figure."""
        return {0: (1, 2), 1: (0, 2), 2: (1, 0)}[self.axis]


def axis_label(sidecar: Sidecar, axis: int) -> str:
    """Label of an axis, with the unit for time or depth."""
    name = sidecar.axis_names[axis]
    return name if axis < 2 else f"{name} ({sidecar.axes[axis].unit})"


def extent_of(section: Section, sidecar: Sidecar) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a section in line numbers, time or depth."""
    horizontal, vertical = section.axes
    ends = []
    for number in (horizontal, vertical):
        axis, n = sidecar.axes[number], sidecar.shape.array[number]
        ends.append((axis.first - axis.step / 2, axis.first + axis.step * (n - 0.5)))
    (left, right), (top, bottom) = ends
    return left, right, bottom, top
