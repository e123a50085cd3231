"""Description of a survey that is not SEG-Y before conversion."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from ..segy.inspect import amplitudes_as_text, amplitudes_of
from .opening import Reading, open_survey


def inspect_survey(path: Path, reading: Reading) -> dict[str, Any]:
    """Describe a survey in any format: size, axes, corners and amplitudes, as values for JSON.

    Amplitudes are those of evenly spaced traces.

    Raises:
        StrataflowError: See `open_survey`.
    """
    survey = open_survey(path, reading)
    _, samples = survey.spread()
    return {
        "file": str(path),
        "format": survey.source["format"],
        "domain": survey.domain,
        "samples": survey.shape.n1,
        "traces": survey.place.size,
        "kind": "2D line" if survey.is_line else "3D grid",
        "axes": {
            axis.name: asdict(axis) | {"count": n}
            for axis, n in zip(survey.axes, survey.shape.array, strict=True)
        },
        "corners": [list(corner) for corner in survey.corners],
        "notes": survey.notes,
        "amplitudes": amplitudes_of(samples),
    }


def as_text(found: dict[str, Any]) -> str:
    """Format the result of inspect_survey as text."""
    head = (
        f"{found['file']}: {found['format']}, stacked {found['kind']} in {found['domain']}, "
        f"{found['traces']:,} traces of {found['samples']:,} samples"
    )
    rows = []
    for axis in found["axes"].values():
        last = axis["first"] + axis["step"] * (axis["count"] - 1)
        rows.append({"first": axis["first"], "last": last} | axis)
    columns = ["first", "last", "step", "count", "spacing", "unit"]
    axes = pd.DataFrame(rows, list(found["axes"]))[columns]
    parts = [head, "\n".join(found["notes"]), axes.to_string(float_format="{:.10g}".format)]
    if found["corners"]:
        names = ["first inline, first crossline", "first, last", "last, first", "last, last"]
        corners = pd.DataFrame(found["corners"], names, ["x", "y"])
        if found["kind"] == "2D line":
            corners = corners.iloc[:2].set_axis(["first CDP", "last CDP"])
        parts.append(corners.to_string(float_format="{:.2f}".format))
    parts.append(amplitudes_as_text(found["amplitudes"]))
    return "\n\n".join(part for part in parts if part)
