"""Byte positions of line numbers and coordinates, found in a file that does not say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import StrataflowError
from ..volume.volume import HeaderBytes
from .geometry import coordinate_bytes
from .grid import Grid, fitting_bytes, read_fields, require_positions, scan
from .layout import Layout, read_layout


def find_grid(layout: Layout, where: HeaderBytes) -> tuple[Grid, list[str]]:
    """The grid at the given byte positions, or at the only others that make one.

    Returns:
        The grid, and a note for the user if other positions were taken.

    Raises:
        StrataflowError: the given positions make no grid, and no others or several do.
    """
    require_positions(layout, where)
    try:
        return scan(layout, where), []
    except StrataflowError as error:
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
