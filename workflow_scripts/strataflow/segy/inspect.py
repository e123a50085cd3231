"""Description of a SEG-Y file before conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.conversion import is_constant
from ..volume.raw import Shape, require_expected
from ..volume.sidecar import HeaderBytes
from .choice import grid_as_asked
from .fields import FORMATS, decode
from .geometry import survey_geometry
from .grid import Grid
from .layout import Layout, read_layout, text_of
from .lines import length_of
from .reader import spread_traces
from .search import fitting_bytes

PERCENTILES = (0, 1, 25, 50, 75, 99, 100)


def inspect_segy(path: Path, where: HeaderBytes, expected: Shape | None = None) -> dict[str, Any]:
    """Describe a SEG-Y file.

    Amplitudes are those of evenly spaced traces; all other values cover every trace.

    Args:
        path: SEG-Y file.
        where: Byte positions of line numbers and coordinates.
        expected: Size to require of the grid, if known.

    Returns:
        Values for JSON. Without a grid, `grid` is None, `reason` says why, and `fitting_bytes`
        lists other byte positions.

    Raises:
        StrataflowError: The file is not SEG-Y or is damaged, or its grid is not as expected.
    """
    layout = read_layout(path)
    found: dict[str, Any] = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "revision": layout.revision,
        "byte_order": "big" if layout.byte_order == ">" else "little",
        "sample_format": FORMATS[layout.format][0],
        "extended_text_headers": layout.extended_text_headers,
        "traces": layout.traces,
        "samples": layout.n1,
        "interval": layout.interval / 1000,
        "length_unit": layout.length_unit,
        "coordinate_unit": layout.coordinate_unit,
        "amplitudes": amplitudes_of(spread_traces(layout)[1]),
        "text_header": text_of(path),
    }
    try:
        grid, notes = grid_as_asked(layout, where)
    except StrataflowError as error:
        fitting = [
            {"iline": iline, "xline": xline, "inlines": n3, "crosslines": n2}
            for iline, xline, n3, n2 in fitting_bytes(layout)
        ]
        return found | {"grid": None, "reason": str(error), "fitting_bytes": fitting}
    require_expected(path, grid.shape, expected)
    return found | {"grid": _grid(layout, grid, notes)}


def amplitudes_of(values: NDArray[np.float32]) -> dict[str, Any]:
    """Describe the amplitudes of traces (N, n1)."""
    finite = values[np.isfinite(values)]
    percentiles = np.percentile(finite, PERCENTILES).tolist() if finite.size else []
    return {
        "traces": len(values),
        "not_finite": int(values.size - finite.size),
        "percentiles": {str(p): v for p, v in zip(PERCENTILES, percentiles, strict=False)},
    }


def _grid(layout: Layout, grid: Grid, notes: list[str]) -> dict[str, Any]:
    shape = grid.shape
    geometry = survey_geometry(layout, grid, "time")
    dead = 0
    for start, block in layout.blocks():
        samples = decode(block["samples"], layout.format, layout.byte_order)
        null = geometry.null[start : start + len(block)]
        dead += int(np.count_nonzero(null | is_constant(samples)))
    axes = geometry.axes
    return {
        "kind": "2D line" if grid.is_line else "3D grid",
        "length": length_of(np.array(geometry.track)),
        "inlines": _lines(grid.inlines, grid.where.iline, axes[0].spacing),
        "crosslines": _lines(grid.crosslines, grid.where.xline, axes[1].spacing),
        "start": axes[2].first,
        "sorting": _sorting(grid),
        "places": shape.n3 * shape.n2,
        "missing_traces": shape.n3 * shape.n2 - int(np.count_nonzero(grid.place >= 0)),
        "dead_traces": dead,
        "corners": [list(corner) for corner in geometry.corners],
        "notes": [*notes, *geometry.notes],
    }


def _lines(lines: Any, byte: int | str, spacing: float) -> dict[str, Any]:
    last = lines.first + lines.step * (lines.count - 1)
    return {
        "byte": byte,
        "first": lines.first,
        "last": last,
        "step": lines.step,
        "count": lines.count,
        "spacing": spacing,
    }


def _sorting(grid: Grid) -> str:
    """Sorting of the traces: the line number that stays constant from trace to trace."""
    if grid.place.size < 2:
        return "one trace"
    i3, i2 = np.divmod(grid.place, grid.shape.n2)
    slow3, slow2 = (float(np.mean(np.diff(i) == 0)) for i in (i3, i2))
    if max(slow3, slow2) < 0.5:
        return "neither"
    return "inline" if slow3 >= slow2 else "crossline"


def as_text(found: dict[str, Any]) -> str:
    """Format the result of inspect_segy as text."""
    grid = found["grid"]
    head = (
        f"{found['file']}: SEG-Y revision {found['revision']}, {found['byte_order']} endian, "
        f"{found['bytes']:,} bytes\n"
        f"{found['traces']:,} traces of {found['samples']:,} samples, {found['sample_format']}, "
        f"sample interval {found['interval']:g} ms ({found['length_unit']} in depth), "
        f"coordinates in {found['coordinate_unit']}"
    )
    amplitudes = amplitudes_as_text(found["amplitudes"])
    if not grid:
        fitting = pd.DataFrame(found["fitting_bytes"])
        table = fitting.to_string(index=False)
        other = f"byte positions that form a grid:\n{table}" if len(fitting) else ""
        return "\n\n".join(part for part in (head, found["reason"], other, amplitudes) if part)
    is_line = grid["kind"] == "2D line"
    names = ["line", "CDP"] if is_line else ["inline", "crossline"]
    lines = pd.DataFrame([grid["inlines"], grid["crosslines"]], names)
    corners = pd.DataFrame(
        grid["corners"] or [[float("nan")] * 2] * 4,
        ["first inline, first crossline", "first, last", "last, first", "last, last"],
        ["x", "y"],
    )
    start = f"first sample at {grid['start']:.10g} ms ({found['length_unit']} in depth)"
    if is_line:
        summary = (
            f"post-stack 2D line, {grid['length']:,.0f} {found['coordinate_unit']} long, {start}"
        )
        corners = corners.iloc[:2].set_axis(["first CDP", "last CDP"])
    else:
        summary = f"post-stack 3D grid, sorted by {grid['sorting']}, {start}"
    summary += (
        f": {grid['places']:,} grid positions, {grid['missing_traces']:,} missing traces, "
        f"{grid['dead_traces']:,} dead traces"
    )
    tables = (lines.to_string(), corners.to_string(float_format="{:.2f}".format))
    notes = "\n".join(grid["notes"])
    return "\n\n".join(part for part in (head, summary, notes, *tables, amplitudes) if part)


def amplitudes_as_text(found: dict[str, Any]) -> str:
    """Format the result of `amplitudes_of` as text."""
    percentiles = pd.DataFrame([found["percentiles"]], ["amplitude"])
    percentiles.columns = [f"{name} %" for name in percentiles.columns]
    return (
        f"amplitudes of {found['traces']:,} traces, "
        f"{found['not_finite']:,} NaN or infinite samples\n"
        f"{percentiles.to_string(float_format='{:.6g}'.format)}"
    )
