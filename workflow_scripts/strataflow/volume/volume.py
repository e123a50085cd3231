"""Raw volumes with their sidecars, as memory maps, and the names of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import require_file, written_whole
from .amplitudes import AmplitudeStatistics, amplitude_statistics
from .raw import Shape, read_cube
from .sidecar import (
    Sidecar,
    plain_sidecar,
    plane_checksum,
    read_sidecar,
    sidecar_path,
    write_sidecar,
)

# Number of traces for amplitude statistics if the sidecar has none.
STATISTICS_TRACES = 4096


@dataclass(frozen=True)
class Volume:
    """A raw volume: `values` is a memory map (n3, n2, n1), float32 or int32 for fault numbers."""

    path: Path
    values: NDArray[np.float32]
    sidecar: Sidecar

    @property
    def shape(self) -> Shape:
        """Size of the volume."""
        return self.sidecar.shape

    def require_intact(self, inlines: slice = slice(None)) -> None:
        """Raise StrataflowError for the first of `inlines` with a checksum mismatch."""
        for i3 in range(*inlines.indices(self.shape.n3)) if self.sidecar.checksums else ():
            if plane_checksum(self.values[i3]) != self.sidecar.checksums[i3]:
                axis, beside = self.sidecar.axes[0], sidecar_path(self.path)
                raise StrataflowError(
                    f"{self.path}: inline {axis.first + i3 * axis.step:.10g}: checksum mismatch: "
                    "the file changed or is damaged; regenerate it, or, if the change is "
                    f"intended, remove 'checksums' from {beside.name}"
                )


def attribute_path(prefix: Path | str, attribute: str) -> Path:
    """Path of the raw volume of `attribute` with the given PREFIX."""
    return Path(f"{prefix}.{attribute}")


def require_same_shape(volume: Volume, other: Volume) -> None:
    """Raise StrataflowError, with both sizes, if the shape of `volume` differs from `other`."""
    if volume.shape != other.shape:
        raise StrataflowError(
            f"{volume.path}: size {volume.shape} differs from {other.path}, {other.shape}"
        )


def label_path(prefix: Path, attribute: str) -> Path | None:
    """Path of a label, PREFIX.fsem or, in sample folders, PREFIX_fsem.bin; None if missing."""
    for path in (attribute_path(prefix, attribute), Path(f"{prefix}_{attribute}.bin")):
        if path.is_file():
            return path
    return None


def open_volume(
    path: Path, shape: Shape | None = None, attribute: str = "image", intact: bool = True
) -> Volume:
    """Memory-map a raw volume and check its size and checksums.

    Args:
        path: Raw file.
        shape: Its size; required without a sidecar.
        attribute: Content of the volume, if it has no sidecar.
        intact: Whether to read the whole file and compare its checksums. Callers that read only
            some inlines pass False and call `Volume.require_intact` for these.

    Raises:
        StrataflowError: The file is missing, its size is unknown or contradicts the sidecar or
            `shape`, or a checksum does not match.
    """
    require_file(path)
    beside = sidecar_path(path)
    if beside.is_file():
        sidecar = read_sidecar(path)
        if shape and shape != sidecar.shape:
            raise StrataflowError(
                f"{path}: size {shape} given, but the sidecar has {sidecar.shape}"
            )
    elif shape:
        sidecar = plain_sidecar(shape, attribute)
    else:
        raise StrataflowError(f"{path}: no sidecar {beside.name}; give the size (--n1 --n2 --n3)")
    volume = Volume(path, read_cube(path, sidecar.shape, sidecar.dtype), sidecar)
    if intact:
        volume.require_intact()
    return volume


def statistics_of(volume: Volume) -> AmplitudeStatistics:
    """Amplitude statistics from the sidecar, or else from evenly spaced traces."""
    if volume.sidecar.amplitudes:
        return volume.sidecar.amplitudes
    traces = volume.values.reshape(-1, volume.shape.n1)
    step = max(len(traces) // STATISTICS_TRACES, 1)
    looked_at = np.array(traces[::step])
    return amplitude_statistics(looked_at[np.isfinite(looked_at)], str(volume.path))


def write_volume(path: Path, values: NDArray[np.float32], sidecar: Sidecar) -> None:
    """Write a raw volume and its sidecar in one atomic step.

    Args:
        path: Raw file to write.
        values: Array (n3, n2, n1).
        sidecar: Sidecar of the same shape.
    """
    with written_whole(sidecar_path(path), path) as (beside, raw):
        np.ascontiguousarray(values, sidecar.dtype).tofile(raw)
        write_sidecar(beside, sidecar, raw)
