"""Networks over whole volumes: tiles in, blended attributes out, inline after inline."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from .attributes import ATTRIBUTES, CHANNELS, attributes_of, encode, fault_angles, geologic_time
from .errors import StrataflowError
from .files import require_free_space, written_whole
from .geologic_time import align_tiles
from .hardware import limit_threads, precision_of_hardware
from .networks import STRIDE, MultiTaskNetwork
from .samples import Shape, count_samples, sample_path
from .tiles import TileGrid, Tiling
from .volumes import (
    Volume,
    attribute_path,
    open_volume,
    sidecar_path,
    statistics_of,
    write_sidecar,
    write_volume,
)

Array = NDArray[np.float32]
Corner = tuple[int, int, int]


def infer_volume(
    network: MultiTaskNetwork,
    volume: Volume,
    output: Path,
    tasks: tuple[str, ...],
    tiling: Tiling,
    show_progress: bool = True,
) -> None:
    """Predict the attributes of `tasks` for `volume` and write them as `output`.<attribute>."""
    statistics = statistics_of(volume)
    live = volume.sidecar.live

    def read(grid: TileGrid, corner: Corner) -> Array:
        tile = np.nan_to_num(grid.read(volume.values, corner), posinf=0.0, neginf=0.0)
        return (statistics.normalise(tile) * _alive(grid, live, corner))[None]

    _predict(network, read, volume, output, tasks, tiling, show_progress)


def predict_samples(
    network: MultiTaskNetwork,
    folder: Path,
    output: Path,
    tasks: tuple[str, ...],
    tiling: Tiling,
    shape: Shape,
) -> None:
    """Predict the attributes of all images I.bin of `shape` in `folder`, as `output`/I_<name>.bin.

    StrataflowError where one is missing or has another size.
    """
    with tempfile.TemporaryDirectory(dir=_made(output)) as scratch:
        for number in tqdm(range(count_samples(folder)), unit="sample"):
            volume = open_volume(sample_path(folder, number), shape)
            prefix = Path(scratch) / str(number)
            infer_volume(network, volume, prefix, tasks, tiling, show_progress=False)
            for name in attributes_of(tasks):
                os.replace(attribute_path(prefix, name), sample_path(output, number, name))


def refine_volumes(
    network: MultiTaskNetwork | None,
    given: Path,
    output: Path,
    iterations: int,
    tiling: Tiling,
    shape: Shape | None = None,
) -> None:
    """Predict the attributes `given`.<attribute> anew from themselves, `iterations` times.

    Writes `output`.<attribute>; without iterations a copy. The attributes are those of the tasks
    of `network`, or where there is none all that are there. `shape` is needed without a sidecar.
    """
    with tempfile.TemporaryDirectory(dir=_made(output.parent)) as scratch:
        for iteration in range(iterations):
            assert network is not None
            last = iteration + 1 == iterations
            refined = output if last else Path(scratch) / str(iteration)
            _refine_once(network, given, refined, tiling, shape)
            given, shape = refined, None
    if iterations:
        return
    there = [name for name in ATTRIBUTES if attribute_path(given, name).is_file()]
    if not there:
        raise StrataflowError(f"{given}: no attribute there ({attribute_path(given, 'fsem')}, ...)")
    for name in there:
        volume = open_volume(attribute_path(given, name), shape, name)
        write_volume(attribute_path(output, name), volume.values, volume.sidecar)


def _refine_once(
    network: MultiTaskNetwork, given: Path, output: Path, tiling: Tiling, shape: Shape | None
) -> None:
    tasks = network.architecture.tasks
    volumes = {
        name: open_volume(attribute_path(given, name), shape, name) for name in attributes_of(tasks)
    }
    first = next(iter(volumes.values()))
    for volume in volumes.values():
        if volume.shape != first.shape:
            raise StrataflowError(
                f"{volume.path}: {volume.shape}, but {first.path} is {first.shape}"
            )

    def read(grid: TileGrid, corner: Corner) -> Array:
        tiles = {name: grid.read(volume.values, corner) for name, volume in volumes.items()}
        if "rgt" in tiles:
            tiles["rgt"] = _continued(tiles["rgt"], grid, first.sidecar.live, corner)
        return encode(tiles, tasks)

    _predict(network, read, first, output, tasks, tiling)


def _continued(rgt: Array, grid: TileGrid, live: NDArray[np.bool_], corner: Corner) -> Array:
    """A tile of geologic time that keeps growing beyond the volume's top and base.

    Reflected it would turn back there. Dead traces get the mean of the live ones.
    """
    alive = _alive(grid, live, corner)[:, :, 0]
    if alive.any():
        rgt[~alive] = rgt[alive].mean(axis=0)
    axis, start = grid.axes[2], corner[2]
    inside = axis.inside(start)
    middle = rgt[..., inside].mean(axis=(0, 1))
    growth = (middle[-1] - middle[0]) / max(middle.size - 1, 1)
    position = np.arange(start, start + axis.size)
    nearest = position.clip(0, axis.n - 1)
    return (rgt[..., nearest - start] + growth * (position - nearest)).astype(np.float32)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _alive(grid: TileGrid, live: NDArray[np.bool_], corner: Corner) -> NDArray[np.bool_]:
    i3, i2 = (axis.indices(start) for axis, start in zip(grid.axes[:2], corner[:2], strict=True))
    return live[np.ix_(i3, i2)][:, :, None]


def _predict(
    network: MultiTaskNetwork,
    read: Callable[[TileGrid, Corner], Array],
    volume: Volume,
    output: Path,
    tasks: tuple[str, ...],
    tiling: Tiling,
    show_progress: bool = True,
) -> None:
    """Run `network` over all tiles of `volume` and write each attribute of `tasks`.

    One row of tiles along the inlines is in memory at a time. Geologic time is only relative
    within a tile, so its tiles wait on disk until all of them can be aligned.
    """
    sidecar, shape = volume.sidecar, volume.shape
    if max(shape.array) < STRIDE:
        raise StrataflowError(
            f"{volume.path}: {shape} is smaller than the smallest tile, {STRIDE} a side"
        )
    grid = TileGrid.cover(shape.array, tiling.tile, tiling.overlap)
    names = attributes_of(tasks)
    finals = [attribute_path(output, name) for name in names]
    tile_bytes = 4 * int(np.prod(grid.tile)) * len(grid.corners()) if "rgt" in tasks else 0
    require_free_space(_made(output.parent), len(names) * shape.n_bytes + tile_bytes)
    with ExitStack() as stack:
        raws = stack.enter_context(written_whole(*[sidecar_path(f) for f in finals], *finals))
        for raw, name in zip(raws, names, strict=False):
            write_sidecar(raw, sidecar.of_attribute(name))
        results = {
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
        rows = _blend_rows(
            grid,
            channels,
            _tile_values(network, read, grid, tasks, tiling, scratch, show_progress),
        )
        for inlines, block in rows:
            alive = sidecar.live[inlines][:, :, None]
            first = 0
            for task in blended:
                _store(results, task, inlines, block[first : first + CHANNELS[task]], alive)
                first += CHANNELS[task]
        if scratch is not None:
            _write_geologic_time(scratch, grid, results["rgt"], sidecar.live)
        for values in results.values():
            values.flush()


def _store(
    volumes: Mapping[str, Array], task: str, inlines: slice, block: Array, alive: NDArray[np.bool_]
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
    show_progress: bool,
) -> Iterator[tuple[Corner, Array]]:
    """Corner and values to be blended, (channels, n3, n2, n1), of each tile.

    Tensors are weighted by the fault's probability, so that a tile that sees a fault outweighs
    one that does not. Geologic time goes to `scratch`.
    """
    limit_threads()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision_of_hardware())
    network = network.to(device, memory_format=torch.channels_last_3d).eval()  # type: ignore[call-overload] # torch leaves it out of its stubs
    corners = grid.corners()
    bar = tqdm(
        total=len(corners) * int(np.prod(grid.tile)),
        unit="voxel",
        unit_scale=True,
        disable=not show_progress,
    )
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
            yield (
                corner,
                np.concatenate(channels) if channels else np.empty((0, *grid.tile), np.float32),
            )


def _blend_rows(
    grid: TileGrid, channels: int, tiles: Iterator[tuple[Corner, Array]]
) -> Iterator[tuple[slice, Array]]:
    """Blend tiles that come row by row; yield inlines that no later tile touches.

    Yields the slice of inlines and their values (channels, inlines, n2, n1), a view that holds
    until the next is asked for.
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
    """Align the tiles in `scratch`, blend them and scale to 0..1 over the live traces."""
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
