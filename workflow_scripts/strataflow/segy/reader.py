"""SEG-Y files as surveys that are read in blocks of traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ..volume.conversion import Block, Survey, stride
from ..volume.sidecar import HeaderBytes
from .choice import find_grid
from .fields import FORMATS, decode
from .geometry import survey_geometry
from .grid import Grid
from .layout import ANGULAR_UNITS, Layout, read_layout


def segy_survey(
    path: Path, where: HeaderBytes, domain: str = "time", interval: float | None = None
) -> Survey:
    """The post-stack survey, 3D or a 2D line, of a SEG-Y file.

    Args:
        path: SEG-Y file.
        where: Byte positions of line numbers and coordinates.
        domain: time or depth.
        interval: Sample interval in ms, m or ft, if the headers have none.

    Raises:
        StrataflowError: The file is damaged, or is not a post-stack survey.
    """
    layout = read_layout(path)
    if interval and not layout.interval:
        layout = replace(layout, interval=1000 * interval)
    grid, notes = find_grid(layout, where)
    return survey_on_grid(layout, grid, domain, notes)


def survey_on_grid(
    layout: Layout, grid: Grid, domain: str = "time", notes: list[str] | None = None
) -> Survey:
    """The survey of a file with its `grid`; `notes` were made when that was found."""
    geometry = survey_geometry(layout, grid, domain)
    notes = [*(notes or []), *geometry.notes]
    if layout.coordinate_unit in ANGULAR_UNITS.values():
        notes.append(f"coordinates in {layout.coordinate_unit}: distances are not lengths")
    return Survey(
        path=layout.path,
        shape=grid.shape,
        domain=domain,
        axes=geometry.axes,
        corners=geometry.corners,
        place=grid.place,
        null=geometry.null,
        blocks=lambda: _blocks(layout),
        spread=lambda: spread_traces(layout),
        source={
            "segy": str(layout.path),
            "format": FORMATS[layout.format][0],
            "revision": layout.revision,
            "byte_order": "big" if layout.byte_order == ">" else "little",
            "header_bytes": asdict(grid.where),
        },
        track=geometry.track,
        notes=notes,
    )


def spread_traces(layout: Layout) -> Block:
    """Every n-th trace of a file, so many that clip limits can be told from them."""
    which = slice(0, layout.traces, stride(layout.traces, layout.n1))
    return which, decode(np.array(layout.map()["samples"][which]), layout.format, layout.byte_order)


def _blocks(layout: Layout) -> Iterator[Block]:
    for start, block in layout.blocks():
        samples = decode(block["samples"], layout.format, layout.byte_order)
        yield slice(start, start + len(block)), samples
