"""Byte positions of line numbers and coordinates, found in a file that does not say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import StrataflowError
from ..volume.sidecar import HeaderBytes
from .geometry import coordinate_bytes
from .grid import Grid, require_positions, scan
from .layout import Layout, read_layout
from .line_numbers import read_fields
from .lines import find_line, follows_a_line
from .search import fitting_bytes


def find_grid(layout: Layout, where: HeaderBytes) -> tuple[Grid, list[str]]:
    """The grid or 2D line at the given byte positions, or the grid at the only others with one.

    Returns:
        The grid, and notes for the user on other positions that were taken.

    Raises:
        StrataflowError: The given positions make no grid, and no others or several do.
    """
    try:
        return grid_as_asked(layout, where)
    except StrataflowError as error:
        require_positions(layout, where)
        fitting = [(iline, xline) for iline, xline, _, _ in fitting_bytes(layout)]
        choices = _different(layout, fitting)
        if not choices:
            raise
        if len(choices) > 1:
            words = ", ".join(f"--iline {iline} --xline {xline}" for iline, xline in choices)
            raise StrataflowError(
                f"{error}; several byte positions make a grid, choose one of: {words}"
            ) from None
    iline, xline = choices[0]
    grid = scan(layout, replace(where, iline=iline, xline=xline))
    asked = f"bytes {where.iline} and {where.xline} hold no line numbers"
    return grid, [f"{asked}; those at bytes {iline} and {xline} make a grid and are taken"]


def grid_as_asked(layout: Layout, where: HeaderBytes) -> tuple[Grid, list[str]]:
    """The grid at the given byte positions, or a 2D line that is numbered at them or by its CDPs.

    Returns:
        The grid, and notes for the user on other positions that were taken.

    Raises:
        StrataflowError: The given positions make no grid, and the file is not a 2D line.
    """
    try:
        grid = scan(layout, where)
        if not (grid.is_line and _is_unlikely(layout, grid)):
            return grid, []
        error = StrataflowError(
            f"{layout.path}: line numbers at bytes {where.iline} and {where.xline}: one of them is"
            " 0 in all traces, and the other numbers all traces"
        )
    except StrataflowError as caught:
        error = caught
    require_positions(layout, where)
    line = find_line(layout, where)
    if line and (line.is_sure or not fitting_bytes(layout)):
        return _line_grid(layout, line.where, where)
    raise error


def _line_grid(layout: Layout, line: HeaderBytes, asked: HeaderBytes) -> tuple[Grid, list[str]]:
    """The grid of a 2D line, and a note if its numbers are not where they were asked for."""
    grid = scan(layout, line)
    if line.xline in (asked.iline, asked.xline):
        return grid, []
    return grid, [
        f"bytes {asked.iline} and {asked.xline} hold no line numbers; those at byte {line.xline}"
        " number a 2D line and are taken"
    ]


def _is_unlikely(layout: Layout, grid: Grid) -> bool:
    """Whether a line is more probably a 3D survey that is numbered at other bytes.

    Its one number is 0, as where there is none, and its coordinates jump, or other bytes make a
    grid.
    """
    if grid.inlines.first != 0:
        return False
    (number,) = read_fields(layout, grid.where.xline)
    return not follows_a_line(layout, number, ~grid.null) or bool(fitting_bytes(layout))


def choose_header_bytes(path: Path, given: Mapping[str, int | str]) -> HeaderBytes:
    """The byte positions of a file that make a grid.

    The standard positions (189, 193) are taken if they make a grid, otherwise the others if only
    one pair does. Coordinates are those of the CDP, or of the source or group where the CDP has
    none.

    Args:
        path: SEG-Y file.
        given: positions that the user has chosen, by `iline`, `xline`, `cdp_x`, `cdp_y`.

    Raises:
        StrataflowError: the file is damaged, no pair makes a grid, or several do.
    """
    layout = read_layout(path)
    where = replace(HeaderBytes(), **given)
    named = {"iline", "xline"} & given.keys()
    grid = scan(layout, where) if named else find_grid(layout, where)[0]
    if not {"cdp_x", "cdp_y"} & given.keys():
        found = coordinate_bytes(layout, grid)
        if found:
            return replace(grid.where, cdp_x=found[0], cdp_y=found[1])
    return grid.where


def _different(
    layout: Layout, pairs: list[tuple[int | str, int | str]]
) -> list[tuple[int | str, int | str]]:
    """Those of `pairs` whose fields hold other numbers than the pairs before them."""
    positions = list(dict.fromkeys(byte for pair in pairs for byte in pair))
    fields = dict(zip(positions, read_fields(layout, *positions), strict=True)) if pairs else {}
    kept: list[tuple[int | str, int | str]] = []
    for pair in pairs:
        same = (
            all(np.array_equal(fields[a], fields[b]) for a, b in zip(pair, other, strict=True))
            for other in kept
        )
        if not any(same):
            kept.append(pair)
    return kept
