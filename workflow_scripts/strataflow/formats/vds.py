"""OpenVDS files, read and written by the package openvds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import require_file
from ..volume.axes import grid_axes, sample_axis
from ..volume.conversion import Survey
from ..volume.raw import Shape
from ..volume.units import DOMAINS, unit_named
from .cube import Cube, library, readable, survey_of_cube

PACKAGE = "openvds==3.4.9"

# Names of axes in lower case: those of the standard, and those of its index axes.
INLINE, CROSSLINE = ("inline", "i"), ("crossline", "j", "cdp", "trace")
SAMPLE = ("sample", "time", "depth", "z", "k")


def vds_survey(path: Path, domain: str, interval: float | None) -> Survey:
    """The survey in an OpenVDS file: its channel Amplitude, or its first one.

    Args:
        path: VDS file.
        domain: time or depth, if the file does not say.
        interval: Sample interval in ms or m, if the file does not say.

    Raises:
        StrataflowError: The library is missing, the file is damaged, or it is no stacked survey.
    """
    require_file(path)
    vds = library("openvds", PACKAGE, path, "VDS")
    _require_sound(path)
    with readable(path, "VDS file"):
        handle = vds.open(str(path))
        layout = vds.getLayout(handle)
        axes = [layout.getAxisDescriptor(d) for d in range(layout.getDimensionality())]
        order = _order(path, axes)
        shape = Shape(*(_count(axes, dimension) for dimension in order[::-1]))
        notes: list[str] = []
        vertical = axes[order[2]]
        unit = unit_named(vertical.unit)
        domain = DOMAINS.get(unit or "", domain)
        sample = sample_axis(
            *(domain, vertical.coordinateMin, _step(vertical), unit, interval, notes)
        )
        corners = _corners(vds, layout, shape)
        lines = tuple(_numbering(axes, dimension) for dimension in order[:2])
        lateral = _lateral_unit(layout)
        survey_axes = grid_axes(shape, (lines[0], lines[1]), sample, corners, lateral)
        names = [layout.getChannelName(c).lower() for c in range(layout.getChannelCount())]
        channel = names.index("amplitude") if "amplitude" in names else 0
        brick = int(str(layout.getLayoutDescriptor().brickSize).rpartition("_")[2])
        blank = np.nan if layout.isChannelUseNoValue(channel) else None
        manager = vds.getAccessManager(handle)

    def read(inlines: slice, crosslines: slice) -> NDArray[np.float32]:
        parts = dict(zip(order, (inlines, crosslines, slice(0, shape.n1)), strict=True))
        present = [parts[d] for d in range(len(axes))]
        first, last = [p.start for p in present], [p.stop for p in present]
        with readable(path, "VDS file"):
            request = manager.requestVolumeSubset(
                *(tuple(first), tuple(last)),
                channel=channel,
                format=vds.VolumeDataFormat.Format_R32,
                replacementNoValue=blank,
            )
            # The first dimension is the fastest.
            values = request.data.reshape([b - a for a, b in zip(first, last, strict=True)][::-1])
        wanted = [len(axes) - 1 - d for d in order if d < len(axes)]
        values = np.ascontiguousarray(values.transpose(wanted), np.float32)
        return values if values.ndim == 3 else values[None]

    cube = Cube(shape, (brick, brick), read)
    return survey_of_cube(path, cube, domain, survey_axes, corners, "OpenVDS", notes=notes)


def _require_sound(path: Path) -> None:
    """Raise StrataflowError for a file whose headers end the process that opens it.

    The library divides by sizes in the headers without a check.
    """
    code = "import sys, openvds; openvds.getLayout(openvds.open(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
    if done.returncode < 0:
        raise StrataflowError(f"{path}: not a readable VDS file: damaged headers")


def _order(path: Path, axes: list[Any]) -> tuple[int, int, int]:
    """Dimensions of (n3, n2, n1); n3 of a file of two dimensions is one behind its last."""
    names = [axis.name.lower() for axis in axes]
    found = []
    for known in (INLINE, CROSSLINE, SAMPLE):
        found.append(next((d for d, name in enumerate(names) if name in known), -1))
    if len(axes) == 3 and -1 not in found:
        return (found[0], found[1], found[2])
    if len(axes) == 2 and found[2] != -1:
        return (2, 1 - found[2], found[2])
    raise StrataflowError(
        f"{path}: expected the dimensions inline, crossline and sample of a stacked survey, got"
        f" {', '.join(axis.name for axis in axes)}"
    )


def _count(axes: list[Any], dimension: int) -> int:
    return int(axes[dimension].numSamples) if dimension < len(axes) else 1


def _step(axis: Any) -> float:
    return (axis.coordinateMax - axis.coordinateMin) / max(axis.numSamples - 1, 1)


def _numbering(axes: list[Any], dimension: int) -> tuple[float, float]:
    """First line number and step along a dimension; 1 each where they are not there."""
    if dimension >= len(axes):
        return (1.0, 1.0)
    axis = axes[dimension]
    # Coordinates are stored in single precision.
    return float(axis.coordinateMin), round(_step(axis), 6) or 1.0


def _corners(vds: Any, layout: Any, shape: Shape) -> tuple[tuple[float, float], ...]:
    """Coordinates of the corners; empty without a survey coordinate system."""
    if shape.n3 == 1 or layout.getDimensionality() != 3:
        return ()
    grid = vds.IJKCoordinateTransformer(layout)
    ends = [(a, b, 0) for a in (0, shape.n3 - 1) for b in (0, shape.n2 - 1)]
    corners = tuple(tuple(float(c) for c in grid.IJKIndexToWorld(end)[:2]) for end in ends)
    known = layout.isMetadataDoubleVector2Available("SurveyCoordinateSystem", "Origin")
    known |= layout.isMetadataDoubleVector3Available("SurveyCoordinateSystem", "IJKOrigin")
    return corners if known else ()  # type: ignore[return-value] # pairs


def _lateral_unit(layout: Any) -> str:
    if layout.isMetadataStringAvailable("SurveyCoordinateSystem", "Unit"):
        unit = layout.getMetadataString("SurveyCoordinateSystem", "Unit")
        return "ft" if unit_named(unit) == "ft" else "m"
    return "m"
