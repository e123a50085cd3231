"""Prediction from Python: an array or a file in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import ArrayLike

from ..errors import StrataflowError
from ..formats.opening import READERS, Reading, convert_survey
from ..home import shipped_weights
from ..interpretation.faults import FaultSettings, pick_faults
from ..interpretation.surface_files import load_surfaces
from ..network.weights import load_network
from ..segy.binary_header import ENDINGS
from ..segy.choice import choose_header_bytes
from ..volume.attributes import PROBABILITY, TASKS, attributes_of
from ..volume.raw import Array, Shape, read_cube
from ..volume.volume import Volume, attribute_path, open_volume
from .averaging import Averaging
from .fit_rgt import fit_rgt
from .predict import predict_volume
from .sources import image_source
from .tiling import Tiling


def predict(
    volume: ArrayLike | str | Path,
    *,
    tasks: Sequence[str] = ("dhr", "rgt", "fault"),
    weights: str | Path | None = None,
    shape: tuple[int, int, int] | None = None,
    header_bytes: Mapping[str, int | str] | None = None,
    tile: tuple[int, int, int] = (128, 128, 128),
    overlap: float = 0.25,
    precision: str = "auto",
    symmetries: int = 1,
    probability: float = PROBABILITY,
    progress: bool = False,
) -> dict[str, Array]:
    """Predict the attributes of a seismic volume with the inference network.

    With the tasks "rgt" and "fault", faults are picked and RGT is fitted to them, as in the
    workflow: it jumps by their throw.

    Args:
        volume: amplitudes as an array (n3, n2, n1) = (inline, crossline, sample), or the path of a
            SEG-Y file (.sgy, .segy), of a .zgy, .vds, .mdio or .npy, or of a raw float32 volume.
        tasks: what to predict, some of "dhr", "rgt", "fault".
        weights: a .pth or .ckpt file; the shipped weights if left out.
        shape: (n3, n2, n1) of a raw volume without a sidecar.
        header_bytes: byte positions `iline`, `xline`, `cdp_x`, `cdp_y` of a SEG-Y file; found in
            the file if left out. A position may name its type, as in "217:int32".
        tile: size of the tiles (n3, n2, n1), multiples of 16.
        overlap: share of a tile that overlaps the next one, from 0 to below 1.
        precision: "auto", the fastest of the hardware, or "fp32".
        symmetries: number of flipped and turned copies to average: 1, 2, 4, 8 or 16.
        probability: minimum fault probability of voxels that get dip and strike.
        progress: whether to show a progress bar.

    Returns:
        float32 arrays (n3, n2, n1) by attribute: `dhr` (image, RMS of the normalised input), `rgt`
        (0 to 1), `fsem` (fault probability), `fdip` and `fstrike` (degrees over 180, 0 off the
        faults).

    Raises:
        StrataflowError: the volume, the weights or a setting do not fit.
    """
    unknown = set(tasks) - TASKS.keys()
    if unknown or not tasks:
        raise StrataflowError(f"tasks: expected some of {tuple(TASKS)}, got {tuple(tasks)}")
    chosen = tuple(task for task in TASKS if task in tasks)
    network = load_network(Path(weights) if weights else shipped_weights("infer"), "infer", chosen)
    averaging = Averaging(symmetries=symmetries)
    averaging.require_faults(chosen)
    tiling = Tiling(tile, overlap, precision)
    with TemporaryDirectory(prefix="strataflow-") as folder:
        opened = _opened(volume, Path(folder), shape, header_bytes or {})
        prefix = Path(folder) / "predicted"
        predict_volume(
            *(network, image_source(opened), prefix, chosen, tiling),
            show_progress=progress,
            averaging=averaging,
            probability=probability,
        )
        predicted = {
            name: np.array(read_cube(attribute_path(prefix, name), opened.shape))
            for name in attributes_of(chosen)
        }
        if {"rgt", "fault"} <= set(chosen):
            predicted["rgt"] = _rgt_at_faults(prefix, opened, probability)
        return predicted


def _rgt_at_faults(prefix: Path, image: Volume, probability: float) -> Array:
    """RGT (n3, n2, n1) of the predictions PREFIX, fitted to the faults that are picked in them."""
    picked, fitted = prefix.with_name("picked"), prefix.with_name("fitted")
    settings = FaultSettings(min_probability=probability)
    pick_faults(prefix, picked, image.shape, settings, image.path)
    fit_rgt(
        open_volume(attribute_path(prefix, "rgt"), image.shape),
        image,
        fitted,
        open_volume(attribute_path(prefix, "fsem"), image.shape),
        load_surfaces(Path(f"{picked}.fault_surfaces.npz"), image.shape.array),
    )
    return np.array(read_cube(attribute_path(fitted, "rgt"), image.shape))


def _opened(
    volume: ArrayLike | str | Path,
    folder: Path,
    shape: tuple[int, int, int] | None,
    header_bytes: Mapping[str, int | str],
) -> Volume:
    """`volume` as a raw volume, converted into `folder` unless it is one."""
    raw = folder / "image.bin"
    if isinstance(volume, str | Path):
        path, size = Path(volume), Shape(*shape[::-1]) if shape else None
        if path.suffix.lower() in ENDINGS:
            reading = Reading(choose_header_bytes(path, header_bytes), shape=size)
        elif path.suffix.lower() in READERS:
            reading = Reading(shape=size)
        else:
            return open_volume(path, size)
        convert_survey(path, raw, reading)
        return open_volume(raw)
    values = np.asarray(volume, dtype="<f4")
    if values.ndim != 3:
        raise StrataflowError(
            f"volume: expected an array (n3, n2, n1), got one of shape {values.shape}"
        )
    if shape and tuple(shape) != values.shape:
        raise StrataflowError(f"shape: {tuple(shape)} given, but the array has {values.shape}")
    n3, n2, n1 = values.shape
    values.tofile(raw)
    return open_volume(raw, Shape(n1, n2, n3))
