"""NumPy arrays (.npy) and raw float32 volumes as surveys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import require_file
from ..volume.axes import grid_axes, sample_axis
from ..volume.conversion import Block, Survey, stride
from ..volume.raw import Shape, read_cube
from ..volume.sidecar import sidecar_path
from ..volume.volume import open_volume
from .cube import Cube, readable, survey_of_cube

# Bytes of the inlines that are read together.
BLOCK_BYTES = 1 << 21


def npy_survey(path: Path, domain: str, interval: float | None) -> Survey:
    """The survey in a NumPy file (n3, n2, n1) = (inline, crossline, sample), or a line (n2, n1).

    Args:
        path: .npy file of real numbers.
        domain: time or depth.
        interval: Sample interval in ms or m, if known.

    Raises:
        StrataflowError: The file is no such array.
    """
    require_file(path)
    with readable(path, "NumPy file"):
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        kind = getattr(values, "dtype", type(values).__name__)
        raise StrataflowError(f"{path}: expected an array of real numbers, got {kind}")
    if values.ndim not in (2, 3):
        raise StrataflowError(
            f"{path}: expected an array (n3, n2, n1) = (inline, crossline, sample), or a line"
            f" (n2, n1), got one of shape {values.shape}"
        )
    cube = values if values.ndim == 3 else values[None]
    return _survey(path, cube, f"NumPy array of {values.dtype}", domain, interval)


def raw_survey(path: Path, shape: Shape | None, domain: str, interval: float | None) -> Survey:
    """The survey in a raw float32 volume: of its sidecar, or else of the size `shape`.

    Args:
        path: Raw file, n1 fastest.
        shape: Its size; required without a sidecar.
        domain: time or depth, without a sidecar.
        interval: Sample interval in ms or m, without a sidecar.

    Raises:
        StrataflowError: The size is not known, or not that of the file.
    """
    if shape and not sidecar_path(path).is_file():
        return _survey(path, read_cube(path, shape), "raw float32", domain, interval)
    volume = open_volume(path, shape)
    sidecar = volume.sidecar
    return survey_of_cube(
        *(path, _cube(volume.values), sidecar.domain, sidecar.axes, sidecar.corners),
        *("raw float32", sidecar.live, sidecar.track),
    )


def _survey(
    path: Path, values: NDArray, source_format: str, domain: str, interval: float | None
) -> Survey:
    notes: list[str] = []
    shape = Shape(*values.shape[::-1])
    sample = sample_axis(domain, 0, 0, "", interval, notes)
    axes = grid_axes(shape, ((1, 1), (1, 1)), sample)
    return survey_of_cube(path, _cube(values), domain, axes, (), source_format, notes=notes)


class _MappedCube(Cube):
    """A cube in a memory map, of which single traces can be read."""

    def spread(self) -> Block:
        """Read every n-th trace."""
        shape = self.shape
        which = np.arange(0, shape.n3 * shape.n2, stride(shape.n3 * shape.n2, shape.n1))
        lines = np.split(which, np.flatnonzero(np.diff(which // shape.n2)) + 1)
        parts = []
        for line in lines:
            i3 = int(line[0] // shape.n2)
            parts.append(self.read(slice(i3, i3 + 1), slice(0, shape.n2))[0, line % shape.n2])
        return which, np.concatenate(parts)


def _cube(values: NDArray) -> Cube:
    shape = Shape(*values.shape[::-1])
    per_block = max(BLOCK_BYTES // max(values.itemsize * shape.n2 * shape.n1, 1), 1)

    def read(inlines: slice, crosslines: slice) -> NDArray[np.float32]:
        # Overflow of wide types becomes infinite, which is counted as bad.
        with np.errstate(over="ignore"):
            return np.array(values[inlines, crosslines], np.float32, order="C")

    return _MappedCube(shape, (per_block, shape.n2), read)
