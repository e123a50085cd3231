"""Joining of slabs to whole attributes, with one consistent RGT."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from ..errors import StrataflowError
from ..files import hard_link, require_free_space, written_whole
from ..volume.raw import Array
from ..volume.sidecar import sidecar_path, write_sidecar
from ..volume.volume import Volume, attribute_path, statistics_of
from .fit_rgt import follow_in_place, scale_in_place
from .rgt_alignment import align_tiles, compared_points
from .slabs import Slab, description_path, read_description, write_lines
from .tiling import blend


def join_slabs(prefixes: list[Path], volume: Volume, output: Path) -> None:
    """Join all slabs of a volume to `output`.<attribute> and write the sidecars.

    The denoised image gets the RMS of the normalised input, 1. The other attributes of a single
    slab are moved, except RGT. Where hard links are not possible, they are copied.

    Args:
        prefixes: PREFIX of each slab, in any order.
        volume: Input of the prediction. RGT follows its reflectors.
        output: PREFIX of the attributes.

    Raises:
        StrataflowError: Slabs are missing, damaged or do not match.
    """
    sidecar = volume.sidecar
    if sidecar.attribute == "image":
        sidecar = replace(sidecar, amplitudes=statistics_of(volume))
    slabs = {prefix: read_description(prefix) for prefix in prefixes}
    prefixes = sorted(prefixes, key=lambda prefix: slabs[prefix].number)
    first = slabs[prefixes[0]]
    for number, prefix in enumerate(prefixes):
        expected = replace(first, number=number, count=len(prefixes), shape=sidecar.shape.array)
        if slabs[prefix] != expected:
            raise StrataflowError(
                f"{description_path(prefix)}: the slabs are incomplete or do not match: "
                f"expected {expected}, got {slabs[prefix]}"
            )
    names = first.attributes
    finals = [attribute_path(output, name) for name in names]
    changed = [name for name in names if name in ("dhr", "rgt")]
    written = len(names) if len(prefixes) > 1 else len(changed)
    moved = []
    require_free_space(output.parent, written * sidecar.shape.n_bytes)
    with (
        ExitStack() as links,
        written_whole(*[sidecar_path(final) for final in finals], *finals) as paths,
    ):
        raws = dict(zip(names, paths[len(names) :], strict=True))
        for name, raw in raws.items():
            parts = [attribute_path(prefix, name) for prefix in prefixes]
            if name == "dhr":
                _write_image(raw, parts, volume)
            elif name != "rgt":
                if len(parts) == 1 and links.enter_context(hard_link(parts[0], raw)):
                    moved += parts
                else:
                    _concatenate(parts, raw)
        if "rgt" in names:
            parts = [attribute_path(prefix, "rgt") for prefix in prefixes]
            # With one BLAS thread the result does not depend on the number of cores.
            with threadpool_limits(1, "blas"):
                _write_geologic_time(
                    raws["rgt"], parts, [slabs[p] for p in prefixes], volume, raws.get("fsem")
                )
        for (name, raw), beside in zip(raws.items(), paths, strict=False):
            write_sidecar(beside, sidecar.of_attribute(name), raw)
    # Two names would share one modification time, and Snakemake wants outputs newer than inputs.
    for part in moved:
        part.unlink()


def _concatenate(parts: list[Path], raw: Path) -> None:
    """Concatenate the files `parts` to `raw`."""
    with open(raw, "wb") as stream:
        for part in parts:
            with open(part, "rb") as source:
                shutil.copyfileobj(source, stream, 1 << 22)


def _write_image(raw: Path, parts: list[Path], volume: Volume) -> None:
    """Join the denoised image with an RMS of 1 over the live traces, as the input has.

    The squared error that trains the network makes what it is unsure of too weak.
    """
    _, n2, n1 = volume.shape.array
    filled = [part for part in parts if part.stat().st_size]
    slabs = [np.memmap(part, "<f4", "r").reshape(-1, n2, n1) for part in filled]
    # Inline by inline, so that the result does not depend on the slabs.
    power = sum(float(np.square(plane, dtype=np.float64).sum()) for slab in slabs for plane in slab)
    rms = float(np.sqrt(power / max(int(volume.sidecar.live.sum()) * n1, 1)))
    scale = np.float32(1 / rms if rms > 0 else 1)
    with open(raw, "wb") as stream:
        for slab in slabs:
            for plane in slab:
                stream.write((scale * plane).astype("<f4").data)


def _write_geologic_time(
    raw: Path, parts: list[Path], slabs: list[Slab], volume: Volume, fault: Path | None
) -> None:
    """Align and blend RGT tiles, follow the reflectors, and scale to 0..1 over the live traces."""
    grid, shape, live = slabs[0].grid, volume.shape, volume.sidecar.live
    points = np.concatenate([compared_points(rows) for rows in _tile_rows(parts, slabs)])
    maps = iter(align_tiles(points, grid, live))

    def aligned() -> Iterator[Array]:
        for tiles in _tile_rows(parts, slabs):
            for tile in tiles:
                scale, offset = next(maps)
                yield (scale * tile + offset)[None].astype(np.float32)

    with open(raw, "wb") as stream:
        stream.truncate(shape.n_bytes)
        for inlines, crosslines, block in blend(grid, grid.rows_of_slab(0, 1), 1, aligned()):
            write_lines(stream, 0, inlines, crosslines, shape.n2, block[0])
    time = np.memmap(raw, "<f4", "r+", shape=shape.array)
    faults = np.memmap(fault, "<f4", "r", shape=shape.array) if fault else None
    follow_in_place(time, volume, faults, live)
    scale_in_place(time, live)


def _tile_rows(parts: list[Path], slabs: list[Slab]) -> Iterator[Array]:
    """Yield the RGT tiles (tiles, n3, n2, n1) of each row, as memory maps."""
    for part, slab in zip(parts, slabs, strict=True):
        row = (slab.grid.per_row, *slab.grid.tile)
        for number in range(len(slab.rows)):
            offset = 4 * number * int(np.prod(row))
            yield np.memmap(part, "<f4", "r", offset=offset, shape=row)
