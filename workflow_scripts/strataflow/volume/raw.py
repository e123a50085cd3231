"""Raw volumes: headerless little-endian files of 4-byte samples with n1 as the fastest axis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import require_file

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """Size of a volume or training sample: `n1` samples, `n2` crosslines and `n3` inlines."""

    n1: int
    n2: int
    n3: int

    @property
    def array(self) -> tuple[int, int, int]:
        """Shape of the NumPy array, (n3, n2, n1)."""
        return (self.n3, self.n2, self.n1)

    @property
    def n_bytes(self) -> int:
        """Size of the raw file in bytes, 4 per sample."""
        return 4 * self.n1 * self.n2 * self.n3

    def __str__(self) -> str:
        return f"n1={self.n1} n2={self.n2} n3={self.n3}"


def read_cube(path: Path, shape: Shape, dtype: str = "<f4") -> Array:
    """Memory-map the raw file at `path`.

    Args:
        path: Raw file.
        shape: Its size.
        dtype: NumPy type of 4 bytes: float32, or int32 for fault numbers.

    Returns:
        Read-only array (n3, n2, n1).

    Raises:
        StrataflowError: The file is missing or its size does not match `shape`.
    """
    require_size(path, shape)
    return np.memmap(path, dtype, "r", shape=shape.array)


def require_size(path: Path, shape: Shape) -> None:
    """Raise StrataflowError if the raw file at `path` is missing or its size differs."""
    n_bytes = require_file(path).stat().st_size
    if n_bytes != shape.n_bytes:
        raise StrataflowError(
            f"{path}: {shape} requires {shape.n_bytes} bytes, but the file has {n_bytes}"
        )


def require_expected(what: Path | str, shape: Shape, expected: Shape | None) -> None:
    """Raise StrataflowError if the `shape` of `what` is not the one that the user expects."""
    if expected and expected != shape:
        raise StrataflowError(f"{what}: size {expected} given, but the file has {shape}")


def infer_shape(path: Path) -> Shape:
    """Shape of a cubic sample, from its file size. Raise StrataflowError if it is not a cube."""
    values = require_file(path).stat().st_size / 4
    n = round(values ** (1 / 3))
    if n**3 != values:
        raise StrataflowError(f"{path}: not a cube; give the size with --n1 --n2 --n3")
    return Shape(n, n, n)
