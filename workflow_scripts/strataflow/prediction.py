"""Networks over whole volumes: tiles in, blended attributes out, inline after inline."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from .attributes import CHANNELS, attributes_of, encode, fault_angles, geologic_time
from .errors import StrataflowError
from .files import require_free_space, written_whole
from .geologic_time import align_tiles
from .networks import MultiTaskNetwork
from .tiles import TileGrid
from .training import precision_of_hardware
from .volumes import (
    Sidecar,
    Volume,
    attribute_path,
    sidecar_path,
    statistics_of,
    write_sidecar,
)

Array = NDArray[np.float32]
Corner = tuple[int, int, int]


@dataclass(frozen=True)
class Tiling:
    """How a volume is cut: `tile` (n3, n2, n1) in voxels, `overlap` as a fraction of it.

    `precision` is auto (the fastest of the hardware) or fp32 (the same bits everywhere).
    """

    tile: tuple[int, int, int] = (128, 128, 128)
    overlap: float = 0.25
    precision: str = "auto"


def infer_volume(
    network: MultiTaskNetwork, volume: Volume, output: Path, tasks: tuple[str, ...], tiling: Tiling
) -> None:
    """Predict the attributes of `tasks` for `volume` and write them as `output`.<attribute>."""
    statistics = statistics_of(volume)
    live = volume.sidecar.live

    def read(grid: TileGrid, corner: Corner) -> Array:
        tile = np.nan_to_num(grid.read(volume.values, corner), posinf=0.0, neginf=0.0)
        return (statistics.normalise(tile) * _alive(grid, live, corner))[None]

    _predict(network, read, volume.sidecar, output, tasks, tiling)


def refine_volumes(
    network: MultiTaskNetwork, volumes: dict[str, Volume], output: Path, tiling: Tiling
) -> None:
    """Predict the attributes in `volumes` anew from themselves and write `output`.<attribute>."""
    tasks = network.architecture.tasks
    first = next(iter(volumes.values()))

    def read(grid: TileGrid, corner: Corner) -> Array:
        tiles = {name: grid.read(volume.values, corner) for name, volume in volumes.items()}
        return encode(tiles, tasks)

    _predict(network, read, first.sidecar, output, tasks, tiling)


def _alive(grid: TileGrid, live: NDArray[np.bool_], corner: Corner) -> NDArray[np.bool_]:
    i3, i2 = (axis.indices(start) for axis, start in zip(grid.axes[:2], corner[:2], strict=True))
    return live[np.ix_(i3, i2)][:, :, None]


def _predict(
    network: MultiTaskNetwork,
    read: Callable[[TileGrid, Corner], Array],
    sidecar: Sidecar,
    output: Path,
    tasks: tuple[str, ...],
    tiling: Tiling,
) -> None:
    """Run `network` over all tiles and write each attribute of `tasks` with its sidecar.

    One row of tiles along the inlines is in memory at a time. Geologic time is only relative
    within a tile, so its tiles wait on disk until all of them can be aligned.
    """
    shape = sidecar.shape
    grid = TileGrid.cover(shape.array, tiling.tile, tiling.overlap)
    names = attributes_of(tasks)
    finals = [attribute_path(output, name) for name in names]
    tile_bytes = 4 * int(np.prod(grid.tile)) * len(grid.corners()) if "rgt" in tasks else 0
    require_free_space(output.parent, len(names) * shape.n_bytes + tile_bytes)
    output.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        raws = stack.enter_context(written_whole(*[sidecar_path(f) for f in finals], *finals))
        for raw, name in zip(raws, names, strict=False):
            write_sidecar(raw, sidecar.of_attribute(name))
        volumes = {
            name: np.memmap(raw, "<f4", "w+", shape=shape.array)
            for name, raw in zip(names, raws[len(names) :], strict=True)
        }
        scratch = None
        if "rgt" in tasks:
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=output.parent))
            size = (len(grid.corners()), *grid.tile)
            scratch = np.memmap(Path(folder) / "rgt.tiles", "<f4", "w+", shape=size)
        blended = [task for task in tasks if task != "rgt"]
        channels = sum(CHANNELS[task] for task in blended)
        rows = _blend_rows(grid, channels, _tile_values(network, read, grid, tasks, tiling, scratch))
        for inlines, block in rows:
            alive = sidecar.live[inlines][:, :, None]
            first = 0
            for task in blended:
                _store(volumes, task, inlines, block[first : first + CHANNELS[task]], alive)
                first += CHANNELS[task]
        if scratch is not None:
            _write_geologic_time(scratch, grid, volumes["rgt"], sidecar.live)
        for values in volumes.values():
            values.flush()


def _store(
    volumes: dict[str, Array], task: str, inlines: slice, block: Array, alive: NDArray[np.bool_]
) -> None:
    """Put finished inlines of a task, `block` (channels, inlines, n2, n1), into its volumes."""
    if task == "dhr":
        volumes["dhr"][inlines] = block[0] * alive
        return
    fsem = np.clip(block[0], 0, 1) * alive
    volumes["fsem"][inlines] = fsem
    volumes["fdip"][inlines], volumes["fstrike"][inlines] = fault_angles(fsem, block[1:])


def _tile_values(
    network: MultiTaskNetwork,
    read: Callable[[TileGrid, Corner], Array],
    grid: TileGrid,
    tasks: tuple[str, ...],
    tiling: Tiling,
    scratch: Array | None,
) -> Iterator[tuple[Corner, Array]]:
    """Corner and values to be blended, (channels, n3, n2, n1), of each tile.

    Tensors are weighted by the fault's probability, so that a tile that sees a fault outweighs
    one that does not. Geologic time goes to `scratch`.
    """
    if tiling.precision not in ("auto", "fp32"):
        raise StrataflowError(f"precision: must be auto or fp32, got {tiling.precision!r}")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision_of_hardware())
    network = network.to(device, memory_format=torch.channels_last_3d).eval()
    corners = grid.corners()
    bar = tqdm(total=len(corners) * int(np.prod(grid.tile)), unit="voxel", unit_scale=True)
    with bar, torch.inference_mode():
        for number, corner in enumerate(corners):
            tile = torch.from_numpy(read(grid, corner))[None].to(device)
            tile = tile.contiguous(memory_format=torch.channels_last_3d)
            with torch.autocast(
                device.type, half, enabled=tiling.precision == "auto" and half is not None
            ):
                outputs = network(tile)
            channels: list[Array] = []
            for task in tasks:
                values = outputs[task][0].float().cpu().numpy()
                if task == "rgt":
                    assert scratch is not None
                    scratch[number] = geologic_time(values[0], corner[2])
                elif task == "fault":
                    probability = 1 / (1 + np.exp(-values[:1]))
                    channels += [probability, probability * values[1:]]
                else:
                    channels.append(values)
            bar.update(int(np.prod(grid.tile)))
            yield corner, np.concatenate(channels) if channels else np.empty((0, *grid.tile), np.float32)


def _blend_rows(
    grid: TileGrid, channels: int, tiles: Iterator[tuple[Corner, Array]]
) -> Iterator[tuple[slice, Array]]:
    """Blend tiles that come row by row; yield inlines that no later tile touches.

    Yields the slice of inlines and their values (channels, inlines, n2, n1).
    """
    rows, columns, samples = grid.axes
    buffer = np.zeros((channels, rows.size, columns.n, samples.n), np.float32)
    per_row = len(columns.starts) * len(samples.starts)
    done = 0
    for number, (corner, values) in enumerate(tiles):
        inside = grid.inside(corner)
        into = tuple(
            slice(s.start + c, s.stop + c) for s, c in zip(inside[1:], corner[1:], strict=True)
        )
        weighted = values * grid.weights(corner)
        buffer[(slice(None), inside[0], *into)] += weighted[(slice(None), *inside)]
        if (number + 1) % per_row:
            continue
        row = number // per_row
        last = row + 1 == len(rows.starts)
        finished = rows.n if last else max(rows.starts[row + 1], 0)
        start = rows.starts[row]
        yield slice(done, finished), buffer[:, done - start : finished - start]
        if not last:
            step = rows.starts[row + 1] - start
            buffer[:, : rows.size - step] = buffer[:, step:].copy()
            buffer[:, rows.size - step :] = 0
        done = finished


def _write_geologic_time(
    scratch: Array, grid: TileGrid, rgt: Array, live: NDArray[np.bool_]
) -> None:
    """Align the tiles in `scratch`, blend them and scale the volume to 0..1 over its live traces."""
    maps = align_tiles(scratch, grid)
    tiles = (
        (corner, (scale * scratch[number] + offset)[None].astype(np.float32))
        for number, (corner, (scale, offset)) in enumerate(zip(grid.corners(), maps, strict=True))
    )
    low, high = np.inf, -np.inf
    for inlines, block in _blend_rows(grid, 1, tiles):
        rgt[inlines] = block[0]
        alive = block[0][live[inlines]]
        if alive.size:
            low, high = min(low, float(alive.min())), max(high, float(alive.max()))
    for i3 in range(rgt.shape[0]):
        scaled = (rgt[i3] - low) / max(high - low, 1e-9)
        rgt[i3] = np.clip(scaled, 0, 1) * live[i3][:, None]
