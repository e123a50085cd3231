"""Prediction of tiles: the mean over mirrored, rotated and resampled copies."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import torch
from torch import Tensor, nn

from ..errors import StrataflowError
from ..hardware import precision_of_hardware
from ..volume.orientation import TENSOR_COMPONENTS, turned_fault_channels
from ..volume.raw import Array, Shape
from .averaging import SYMMETRIES, Averaging, Scale, Symmetry
from .resampling import ResampledGrid
from .tiling import Corner, TileGrid, Tiling

# Predictions by task, each (tiles, channels, n3, n2, n1). The fault channels are the probability
# and the orientation tensor weighted by it, so that copies with a fault dominate an average.
Outputs = dict[str, Tensor]


@dataclass(frozen=True)
class TilePredictor:
    """Predicts batches of tiles.

    Attributes:
        network: A MultiTaskNetwork on `device` with fused batch norm.
        tasks: Tasks to predict.
        grid: Tiles of the volume.
        tiling: Maximum tile of the network, and the precision.
        averaging: Copies to average.
        device: Device of the network.
    """

    network: nn.Module
    tasks: tuple[str, ...]
    grid: TileGrid
    tiling: Tiling
    averaging: Averaging
    device: torch.device

    @cached_property
    def fault_network(self) -> nn.Module:
        """The network with the fault decoder only, for copies at other scales."""
        pruned = copy.deepcopy(self.network)
        decoders = pruned.get_submodule("decoders")
        assert isinstance(decoders, nn.ModuleDict)
        for task in [name for name in decoders if name != "fault"]:
            del decoders[task]
        return pruned

    @cached_property
    def resampled(self) -> tuple[ResampledGrid, ...]:
        """Tile grids of the copies at other scales."""
        return tuple(ResampledGrid(self.grid, scale) for scale in self.averaging.scales[1:])

    def __call__(
        self, corners: list[Corner], tiles: Array, resampled: list[Array]
    ) -> Iterator[tuple[Array | None, Array]]:
        """Predict tiles, in smaller batches if GPU memory runs out.

        Args:
            corners: First voxel of each tile.
            tiles: Inputs (tiles, channels, n3, n2, n1).
            resampled: Inputs at the original scale for each grid of `self.resampled`.

        Yields:
            For each tile, its layer shift (n3, n2, n1), or None without the RGT task, and the
            channels to blend (channels, n3, n2, n1): the other tasks in order, then the spread.

        Raises:
            StrataflowError: A single tile exceeds the GPU memory.
        """
        size, done = len(tiles), 0
        while done < len(tiles):
            some = slice(done, done + size)
            try:
                shift, blended = self.mean(corners[some], tiles[some], [r[some] for r in resampled])
            except torch.OutOfMemoryError as error:
                if size == 1:
                    raise StrataflowError(
                        f"tile: {Shape(*tiles.shape[:1:-1])} needs more memory than the GPU has; "
                        "choose a smaller tile"
                    ) from error
                size //= 2
                continue
            for number in range(len(blended)):
                yield None if shift is None else shift[number], blended[number]
            done += size

    @torch.inference_mode()
    def mean(
        self, corners: list[Corner], tiles: Array, resampled: list[Array]
    ) -> tuple[Array | None, Array]:
        """Predict all `tiles` in one batch; arguments and results as in `__call__`, batched."""
        mean = _Mean()
        symmetries = SYMMETRIES[: self.averaging.symmetries]
        given = torch.from_numpy(tiles).to(self.device)
        for symmetry in symmetries:
            outputs = self._forward(self.network, self.tasks, turned("image", given, symmetry))
            for task in self.tasks:
                mean.add(task, turned(task, outputs.pop(task), symmetry.inverse))
        for copies, read in zip(self.resampled, resampled, strict=True):
            windows = [
                _window(copies, corner, torch.from_numpy(part).to(self.device))
                for corner, part in zip(corners, read, strict=True)
            ]
            for symmetry in symmetries:
                faults = [
                    self._fault_at_scale(copies, corner, window, symmetry)
                    for corner, window in zip(corners, windows, strict=True)
                ]
                mean.add("fault", torch.stack(faults))
        channels = [mean.outputs[task] for task in self.tasks if task != "rgt"]
        if self.averaging.uncertainty:
            channels.append(mean.spread())
        blended = torch.cat(channels or [given[:, :0]], dim=1).cpu().numpy()
        shift = mean.outputs["rgt"][:, 0].cpu().numpy() if "rgt" in self.tasks else None
        return shift, blended

    def _forward(self, network: nn.Module, tasks: tuple[str, ...], given: Tensor) -> Outputs:
        """Outputs of `network` for inputs (tiles, channels, n3, n2, n1) of any size."""
        half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(
            precision_of_hardware()
        )
        automatic = self.tiling.precision == "auto" and half is not None
        with torch.autocast(self.device.type, half, enabled=automatic):
            outputs = network(given.contiguous(memory_format=torch.channels_last_3d))
        predicted = {task: outputs[task].float() for task in tasks}
        if "fault" in predicted:
            probability = predicted["fault"][:, :1].sigmoid()
            predicted["fault"] = torch.cat(
                [probability, probability * predicted["fault"][:, 1:]], dim=1
            )
        return predicted

    def _fault_at_scale(
        self, copies: ResampledGrid, corner: Corner, window: Tensor, symmetry: Symmetry
    ) -> Tensor:
        """Fault channels (channels, n3, n2, n1) of a tile, predicted in its window of a copy."""
        n3, n2, n1 = self.tiling.tile
        tile = (n2, n3, n1) if symmetry.swapped else (n3, n2, n1)
        shown = self._fault_of_window(turned("image", window[None], symmetry), tile)
        fault = turned("fault", shown, symmetry.inverse)[0]
        for axis, (resampled, number) in enumerate(
            zip(copies.axes, copies.numbers(corner), strict=True), start=1
        ):
            before, part = (torch.from_numpy(x).to(self.device) for x in resampled.back(number))
            part = part.reshape(-1, *[1] * (3 - axis))
            fault = torch.lerp(
                fault.index_select(axis, before), fault.index_select(axis, before + 1), part
            )
        return torch.cat([fault[:1], tensor_at_original_scale(fault[1:], copies.scale)])

    def _fault_of_window(self, window: Tensor, tile: tuple[int, int, int]) -> Tensor:
        """Fault channels of a window (1, channels, n3, n2, n1), in tiles of at most `tile`."""
        grid = TileGrid.cover(window.shape[2:], tile, self.tiling.overlap)  # type: ignore[arg-type] # three of them
        if len(grid.corners()) == 1:
            return self._forward(self.fault_network, ("fault",), window)["fault"]
        blended = window.new_zeros((1, 1 + len(TENSOR_COMPONENTS), *window.shape[2:]))
        weights = [torch.from_numpy(axis.weights()).to(window) for axis in grid.axes]
        for corner, (w3, w2, w1) in zip(grid.corners(), product(*weights), strict=True):
            i3, i2, i1 = (slice(i, i + n) for i, n in zip(corner, grid.tile, strict=True))
            place = (slice(None), slice(None), i3, i2, i1)
            fault = self._forward(self.fault_network, ("fault",), window[place])["fault"]
            blended[place] += fault * (w3[:, None, None] * (w2[:, None] * w1))
        return blended


class _Mean:
    """Running mean of outputs, and spread of the fault probability (Welford, 1962).

    The memory does not depend on the number of copies.
    """

    def __init__(self) -> None:
        self.outputs: Outputs = {}
        self._counts: dict[str, int] = {}
        self._squares: Tensor | None = None

    def add(self, task: str, values: Tensor) -> None:
        """Add the output of a copy for a task; `values` are overwritten."""
        n = self._counts[task] = self._counts.get(task, 0) + 1
        if n == 1:
            self.outputs[task] = values
            return
        mean = self.outputs[task]
        change = values.sub_(mean)
        if task == "fault":
            if self._squares is None:
                self._squares = torch.zeros_like(mean[:, :1])
            self._squares.addcmul_(change[:, :1], change[:, :1], value=(n - 1) / n)
        mean.add_(change, alpha=1 / n)

    def spread(self) -> Tensor:
        """Population standard deviation over the copies (tiles, 1, n3, n2, n1)."""
        assert self._squares is not None
        return (self._squares / self._counts["fault"]).sqrt()


def turned(task: str, cube: Tensor, symmetry: Symmetry) -> Tensor:
    """Apply a symmetry to arrays and to the values that depend on direction or polarity.

    Args:
        task: image, dhr, rgt or fault; fault has orientation tensors after its first channel.
        cube: Tensor (tiles, channels, n3, n2, n1).
        symmetry: Symmetry to apply.
    """
    if symmetry == Symmetry():
        return cube
    cube = cube.flip([2 + axis for axis in symmetry.mirrored]) if symmetry.mirrored else cube
    cube = cube.transpose(2, 3) if symmetry.swapped else cube
    if task == "fault":
        order, signs = turned_fault_channels(symmetry.mirrored, symmetry.swapped)
        cube = cube if order == sorted(order) else cube[:, order]
        # Signs change only with a mirror, and `flip` has made a copy, so change it in place.
        return cube.mul_(cube.new_tensor(signs)[:, None, None, None]) if -1 in signs else cube
    return -cube if symmetry.reversed_polarity and task in ("image", "dhr") else cube


def tensor_at_original_scale(tensor: Tensor, scale: Scale) -> Tensor:
    """Convert orientation tensors of a resampled copy to the original grid.

    If S scales the coordinates, a plane with normal n in the copy has normal S n in the original.
    The trace, which is the weight of a tensor, does not change.

    Args:
        tensor: Tensors (6, ...) predicted in the copy.
        scale: Scale of the copy.
    """
    factors = scale.factors
    if len(set(factors)) == 1:
        return tensor
    scaled = torch.stack(
        [
            component * (factors[i] * factors[j])
            for component, (i, j) in zip(tensor, TENSOR_COMPONENTS, strict=True)
        ]
    )
    before, after = tensor[:3].sum(dim=0), scaled[:3].sum(dim=0)
    # Limits for tensors of normals; away from faults a network may predict other tensors.
    minimum, maximum = max(factors) ** -2, min(factors) ** -2
    ratio = torch.where(after > 0, before / after, minimum).clamp(minimum, maximum)
    return scaled * ratio


def _window(copies: ResampledGrid, corner: Corner, read: Tensor) -> Tensor:
    """Resample the voxels `read` for a tile to its window of a copy, (channels, n3, n2, n1)."""
    w3, w2, w1 = (
        torch.from_numpy(axis.weights(number)).to(read)
        for axis, number in zip(copies.axes, copies.numbers(corner), strict=True)
    )
    across = w2 @ (read @ w1.T)
    return (w3 @ across.flatten(2)).reshape(len(read), len(w3), len(w2), len(w1))
