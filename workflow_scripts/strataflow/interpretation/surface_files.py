"""Picked fault surfaces as one NumPy file, for stages that compute with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import NPZ_ERRORS, require_file, require_format
from .surfaces import Frame, Surface

FORMAT = "strataflow fault surfaces 1"

# Arrays of the cells of a surface, and vectors of its frame.
CELLS = ("inside", "height", "probability", "throw", "quality")
VECTORS = ("origin", "u", "v", "normal")


def save_surfaces(path: Path, surfaces: Sequence[Surface], shape: tuple[int, int, int]) -> None:
    """Write surfaces of a volume of `shape` (n3, n2, n1) to an .npz file.

    Surface I has the arrays I_inside, I_height, I_probability, I_throw and I_quality, all (A, B),
    and I_frame (4, 3): VECTORS over (n3, n2, n1).
    """
    arrays: dict[str, NDArray] = {}
    for number, surface in enumerate(surfaces, start=1):
        arrays |= {f"{number}_{name}": getattr(surface, name) for name in CELLS}
        arrays[f"{number}_frame"] = np.stack([getattr(surface.frame, name) for name in VECTORS])
    about = {"format": FORMAT, "shape": shape, "first": [s.first for s in surfaces]}
    with open(path, "wb") as stream:
        np.savez_compressed(stream, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]  # their names are not allow_pickle


def load_surfaces(path: Path, shape: tuple[int, int, int]) -> list[Surface]:
    """Read what `save_surfaces` wrote.

    Args:
        path: the file.
        shape: of the volume, (n3, n2, n1).

    Raises:
        StrataflowError: The file is missing, not of this format, or of another volume.
    """
    try:
        with np.load(require_file(path), allow_pickle=False) as content:
            about = json.loads(str(content["about"]))
            require_format(path, about["format"], FORMAT)
            if tuple(about["shape"]) != shape:
                raise StrataflowError(
                    f"{path}: faults of a volume of {about['shape'][::-1]} (n1 n2 n3),"
                    f" expected {list(shape[::-1])}"
                )
            return [
                Surface(
                    Frame(*content[f"{number}_frame"]),
                    (first[0], first[1]),
                    *(content[f"{number}_{name}"] for name in CELLS),
                )
                for number, first in enumerate(about["first"], start=1)
            ]
    except NPZ_ERRORS as error:
        raise StrataflowError(f"{path}: not a file of fault surfaces ({error})") from error
