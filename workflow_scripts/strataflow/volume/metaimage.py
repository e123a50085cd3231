"""Headers that let other programs open a raw volume without conversion.

`.vgi` is the text header of Volume Graphics' VGL and VGStudio. `.mhd` is a MetaImage header
(itk.org), which ParaView, 3D Slicer and ITK open without a plug-in. Both list the axes from the
fastest to the slowest: n1, n2, n3.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import StrataflowError
from ..files import written_whole
from .volume import Volume


def export_vgi(volume: Volume, output: Path) -> None:
    """Write the headers `output` (.vgi) and its companion (.mhd) for the raw file of `volume`.

    Raises:
        StrataflowError: The name of the raw file holds a %, which readers of MetaImage take for the
            pattern of a series of files.
    """
    name = os.path.relpath(volume.path, output.parent)
    if "%" in name:
        raise StrataflowError(
            f"{volume.path}: a MetaImage header cannot name a file with % in its path ({name}); "
            "rename it"
        )
    shape, axes = volume.shape, volume.sidecar.axes[::-1]
    size = f"{shape.n1} {shape.n2} {shape.n3}"
    spacing = " ".join(f"{axis.spacing:.10g}" for axis in axes)
    origin = " ".join(f"{first:.10g}" for first in (axes[0].first, 0.0, 0.0))
    low, high = _range(volume)
    whole = volume.values.dtype.kind == "i"
    kind = "signed integer" if whole else "float"
    file = {
        "SkipHeader": "0",
        "FileFormat": "raw",
        "Size": size,
        "Name": name,
        "Datatype": kind,
        "datarange": f"{low:g} {high:g}",
        "BitsPerElement": "32",
    }
    vgi = [
        "{volume1}",
        "[representation]",
        f"size = {size}",
        f"datatype = {kind}",
        f"datarange = {low:g} {high:g}",
        "bitsperelement = 32",
        "[file1]",
        *(f"{key} = {value}" for key, value in file.items()),
        "{volumeprimitive12}",
        "[geometry]",
        f"position = {origin}",
        f"resolution = {spacing}",
        f"unit = {axes[0].unit} {axes[1].unit} {axes[2].unit}",
        "[volume]",
        "volume = volume1",
        "[description]",
        f"text = {volume.sidecar.attribute}; sample, crossline, inline",
    ]
    mhd = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "Offset": origin,
        "ElementSpacing": spacing,
        "DimSize": size,
        "ElementType": "MET_INT" if whole else "MET_FLOAT",
        "ElementDataFile": name,
    }
    with written_whole(output.with_suffix(".mhd"), output) as (companion, header):
        companion.write_text("".join(f"{key} = {value}\n" for key, value in mhd.items()))
        header.write_text("\n".join(vgi) + "\n")


def _range(volume: Volume) -> tuple[float, float]:
    """Minimum and maximum finite value, read inline by inline."""
    low, high = np.inf, -np.inf
    for inline in volume.values:
        finite = inline[np.isfinite(inline)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)
