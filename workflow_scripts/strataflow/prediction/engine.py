"""Prediction of one slab: read tiles, run the network, write finished inlines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ..errors import StrataflowError
from ..files import require_free_space, written_whole
from ..hardware import keep_memory, limit_threads, single_threaded
from ..network.architecture import STRIDE
from ..network.model import MultiTaskNetwork, with_fused_norms
from ..threads import in_order, prefetched
from ..volume.attributes import (
    CHANNELS,
    PROBABILITY,
    SPREAD,
    apparent_dip,
    fault_angles,
    geologic_time,
)
from ..volume.raw import Array
from ..volume.volume import attribute_path
from .averaging import ONE_COPY, Averaging
from .copies import TilePredictor
from .resampling import ResampledGrid
from .slabs import Slab, description_path, write_description, write_lines
from .sources import Source
from .tiling import Corner, Tiling, blend

Item = TypeVar("Item")

Result = TypeVar("Result")

# Initial number of tiles per GPU batch; halved whenever GPU memory runs out.
GPU_BATCH = 16

# Maximum number of tiles that a CPU predicts in parallel, each on one core with half a gigabyte.
MAX_TILES = 8


def predict_slab(
    network: MultiTaskNetwork,
    source: Source,
    prefix: Path,
    tasks: tuple[str, ...],
    tiling: Tiling,
    number: int = 0,
    count: int = 1,
    show_progress: bool = True,
    averaging: Averaging = ONE_COPY,
    probability: float = PROBABILITY,
) -> None:
    """Predict one slab of a volume and write its files (see `slabs`).

    In fp32 on a CPU, the joined volume is bitwise identical for every `count`.

    Args:
        network: An inference network or, without `averaging`, a refinement network.
        source: Input of the network.
        prefix: PREFIX of the files.
        tasks: Tasks of the network to write.
        tiling: Tile size, overlap and precision.
        number: Index of the slab, from 0.
        count: Number of slabs of the volume.
        show_progress: Whether to show a progress bar.
        averaging: Copies of the input whose predictions are averaged.
        probability: Minimum fault probability of voxels with dip and strike.

    Raises:
        StrataflowError: The volume is too small, is damaged, or holds NaN or infinite values. This
            is checked before the prediction starts.
    """
    averaging.require_faults(tasks)
    volume = source.volume
    if max(volume.shape.array) < STRIDE:
        raise StrataflowError(
            f"{volume.path}: {volume.shape} is smaller than the minimum tile, "
            f"{STRIDE} voxels along each axis"
        )
    shape = volume.shape.array
    slab = Slab(number, count, shape, tiling.tile, tiling.overlap, tasks, averaging.uncertainty)
    names = slab.attributes
    require_free_space(prefix.parent, sum(slab.n_bytes(name) for name in names))
    _require_valid(source, inlines_read(slab, averaging))
    finals = [attribute_path(prefix, name) for name in names]
    with written_whole(*finals, description_path(prefix)) as (*files, description):
        raws = dict(zip(names, files, strict=True))
        _write_slab(network, source, slab, tiling, averaging, probability, raws, show_progress)
        write_description(description, slab, raws)


def _write_slab(
    network: MultiTaskNetwork,
    source: Source,
    slab: Slab,
    tiling: Tiling,
    averaging: Averaging,
    probability: float,
    raws: dict[str, Path],
    show_progress: bool,
) -> None:
    """Predict `slab` and write its attributes to the files `raws`."""
    live = source.volume.sidecar.live
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open(path, "wb")) for name, path in raws.items()}
        blended = [task for task in slab.tasks if task != "rgt"]
        blended += [SPREAD] if averaging.uncertainty else []
        channels = sum(CHANNELS.get(task, 1) for task in blended)
        predicted = _predicted_tiles(network, source, slab, tiling, averaging, streams.get("rgt"))
        tiles = prefetched(predicted)
        bar = stack.enter_context(_progress_bar(slab, disable=not show_progress))
        for inlines, crosslines, block in blend(slab.grid, slab.rows, channels, tiles):
            alive = live[inlines, crosslines, None]
            first = 0
            for task in blended:
                last = first + CHANNELS.get(task, 1)
                values = _finished(task, block[first:last], alive, probability)
                for name, lines in values.items():
                    write_lines(
                        streams[name], slab.inlines.start, inlines, crosslines, slab.shape[1], lines
                    )
                first = last
            bar.update(alive.size * slab.shape[2])


def _require_valid(source: Source, inlines: slice) -> None:
    """Raise StrataflowError for an inline with a checksum mismatch or values not finite."""
    for volume in source.volumes:
        for i3 in range(*inlines.indices(volume.shape.n3)):
            # Make both checks for one inline after the other, so that each is read once.
            volume.require_intact(slice(i3, i3 + 1))
            # The sum is finite if all values are; otherwise check them one by one.
            if np.isfinite(volume.values[i3].sum(dtype=np.float64)):
                continue
            bad = np.argwhere(~np.isfinite(volume.values[i3]))
            if len(bad):
                i2, i1 = bad[0]
                raise StrataflowError(
                    f"{volume.path}: {volume.values[i3, i2, i1]} at n1={i1} n2={i2} n3={i3}"
                    f" ({len(bad)} such values on this inline); replace them with 0"
                )


def _finished(
    task: str, block: Array, alive: NDArray[np.bool_], probability: float
) -> dict[str, Array]:
    """Attributes of a task from its blended channels (channels, n3, n2, n1)."""
    if task == "dhr":
        return {"dhr": block[0] * alive}
    if task == SPREAD:
        return {SPREAD: np.clip(block[0], 0, 1) * alive}
    fsem = np.clip(block[0], 0, 1) * alive
    if block.shape[1] == 1:
        fdip, fstrike = apparent_dip(fsem, block[1:], probability)
    else:
        fdip, fstrike = fault_angles(fsem, block[1:], probability)
    return {"fsem": fsem, "fdip": fdip, "fstrike": fstrike}


def _progress_bar(slab: Slab, disable: bool) -> tqdm:
    inlines = slab.inlines
    voxels = (inlines.stop - inlines.start) * slab.shape[1] * slab.shape[2]
    return tqdm(total=voxels, unit="voxel", unit_scale=True, disable=disable)


def inlines_read(slab: Slab, averaging: Averaging) -> slice:
    """Inlines that the tiles of a slab and its halo read, including those for resampled copies."""
    plain = slab.grid.inlines_read(slab.rows)
    seen = range(*plain.indices(slab.shape[0]))
    if not seen:
        return plain
    first, last = seen.start, seen.stop
    rows = slab.grid.with_halo(slab.rows)
    for scale in averaging.scales[1:]:
        along = ResampledGrid(slab.grid, scale).axes[0].read
        first = min(first, along.starts[rows[0]])
        last = max(last, along.starts[rows[-1]] + along.size)
    return slice(max(first, 0), min(last, slab.shape[0]))


def _predicted_tiles(
    network: MultiTaskNetwork,
    source: Source,
    slab: Slab,
    tiling: Tiling,
    averaging: Averaging,
    geologic_times: IO[bytes] | None,
) -> Iterator[Array]:
    """Yield the channels to blend (channels, n3, n2, n1) of each tile of a slab and its halo.

    Write the RGT tiles of the slab itself, without those of the halo, to `geologic_times`.
    """
    limit_threads()
    keep_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = with_fused_norms(network).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload] # torch leaves it out of its stubs
    grid = slab.grid
    predictor = TilePredictor(network, slab.tasks, grid, tiling, averaging, device)
    corners = grid.corners(grid.with_halo(slab.rows))
    in_halo = len(corners) - slab.tiles_shape[0]
    # Batches are not faster on a CPU, and single tiles give reproducible results.
    batch = GPU_BATCH if device.type == "cuda" else 1
    batches = (corners[i : i + batch] for i in range(0, len(corners), batch))
    read = (_read(source, predictor, those) for those in batches)

    def outputs(those: tuple[list[Corner], Array, list[Array]]) -> list[tuple[Array | None, Array]]:
        return list(predictor(*those))

    # The summation order of a convolution depends on its number of threads. For bitwise identical
    # results, each core predicts its own tile.
    alone = device.type == "cpu" and tiling.precision == "fp32"
    with single_threaded() if alone else nullcontext(1) as cores:
        results = in_order(outputs, prefetched(read), min(cores, MAX_TILES))
        predicted = (tile for tiles in results for tile in tiles)
        for number, (shift, blended) in enumerate(predicted):
            if shift is not None and number >= in_halo:
                assert geologic_times is not None
                geologic_times.write(geologic_time(shift, corners[number][2]).data)
            yield blended


def _read(
    source: Source, predictor: TilePredictor, corners: list[Corner]
) -> tuple[list[Corner], Array, list[Array]]:
    """Read the arguments of `predictor` for the tiles at `corners`."""
    tiles = np.stack([source.read(predictor.grid, corner) for corner in corners])
    resampled = [
        np.stack([source.read(copies.read, copies.corner_read(corner)) for corner in corners])
        for copies in predictor.resampled
    ]
    return corners, tiles, resampled
