"""Corner coordinates, spacing and origin of a survey from its trace headers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from segyio import TraceField

from ..errors import StrataflowError
from ..volume.volume import Axis, HeaderBytes
from .grid import Grid
from .layout import Layout

# Sample interval in microseconds where no header gives one.
DEFAULT_INTERVAL = 4000.0

# Trace identification code of a dead trace in the SEG-Y standard.
DEAD = 2


def _factor(scalar: NDArray[np.int32]) -> NDArray[np.float64]:
    """Factor from a trace header scalar: a negative scalar divides, and 0 means 1."""
    return np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))


@dataclass
class HeaderSums:
    """Coordinates and recording start, accumulated over blocks of trace headers."""

    layout: Layout
    grid: Grid
    where: HeaderBytes
    delay: float | None = None
    origin: NDArray[np.float64] | None = None
    # Normal equations of the affine map from (1, i3, i2) to coordinates relative to `origin`.
    left: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 3)))
    right: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 2)))

    def add(
        self, headers: NDArray[np.uint8], place: NDArray[np.int64], start: int
    ) -> NDArray[np.bool_]:
        """Add a block of trace headers.

        Args:
            headers: Trace headers (traces, 240).
            place: Grid position of each trace, i3 * n2 + i2.
            start: Index of the first trace in the file.

        Returns:
            Which traces are live, (traces,), by the trace identification code alone.

        Raises:
            StrataflowError: The recording start of a trace differs from that of the first trace.
        """
        headers = np.array(headers)

        def get(byte: int) -> NDArray[np.int32]:
            return self.layout.field(headers, byte)

        self._check_delay(get, start)
        scale = _factor(get(TraceField.SourceGroupScalar))
        xy = np.stack([get(byte) * scale for byte in (self.where.cdp_x, self.where.cdp_y)], axis=1)
        i3, i2 = np.divmod(place, self.grid.shape.n2)
        if self.origin is None:
            self.origin = xy[0]
        design = np.stack([np.ones(place.size), i3, i2], axis=1)
        self.left += design.T @ design
        self.right += design.T @ (xy - self.origin)
        return get(TraceField.TraceIdentificationCode) != DEAD

    def _check_delay(self, get: Any, start: int) -> None:
        delay = get(TraceField.DelayRecordingTime) * _factor(get(TraceField.ScalarTraceHeader))
        if self.delay is None:
            self.delay = float(delay[0])
        other = np.flatnonzero(delay != self.delay)
        if other.size:
            number = start + int(other[0]) + 1
            raise StrataflowError(
                f"{self.layout.path}: trace {number} starts at {delay[other[0]]:g}, but trace 1 "
                f"at {self.delay:g} (bytes 109-110); shift all traces to the same start"
            )

    def corners(self) -> tuple[tuple[float, float], ...]:
        """CDP coordinates of the four corners, from a least-squares affine fit to all traces."""
        assert self.origin is not None
        affine = np.linalg.lstsq(self.left, self.right, rcond=1e-12)[0]
        shape = self.grid.shape
        ends = [(1, a, b) for a in (0, shape.n3 - 1) for b in (0, shape.n2 - 1)]
        return tuple((float(x), float(y)) for x, y in np.array(ends) @ affine + self.origin)

    def axes(self, domain: str) -> tuple[Axis, Axis, Axis]:
        """Axes of (n3, n2, n1)."""
        grid, corners, unit = self.grid, self.corners(), self.layout.coordinate_unit
        spacing3 = math.dist(corners[0], corners[2]) / max(grid.shape.n3 - 1, 1)
        spacing2 = math.dist(corners[0], corners[1]) / max(grid.shape.n2 - 1, 1)
        interval = (self.layout.interval or DEFAULT_INTERVAL) / 1000
        return (
            Axis("inline", grid.inlines.first, grid.inlines.step, spacing3 or 1.0, unit),
            Axis("crossline", grid.crosslines.first, grid.crosslines.step, spacing2 or 1.0, unit),
            Axis(
                "sample",
                self.delay or 0.0,
                interval,
                interval,
                "ms" if domain == "time" else self.layout.length_unit,
            ),
        )
