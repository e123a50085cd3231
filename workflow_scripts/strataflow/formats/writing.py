"""Raw volumes as MDIO stores and OpenVDS files, with the geometry of their sidecars."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import StrataflowError
from ..files import require_free_space, scratch_folder, written_whole
from ..segy.writer import unit_of
from ..volume.sidecar import Sidecar
from ..volume.volume import Volume
from . import mdio, vds
from .cube import Cube, library

# Voxels along each side of a chunk.
CHUNK = 64

# Names of units in MDIO.
UNITS = {"ms": "millisecond", "m": "meter", "ft": "foot"}


def export_mdio(volume: Volume, output: Path, degrees: bool = False) -> None:
    """Write a volume as an MDIO store of version 1, a folder of Zarr arrays.

    The variable has the name of the attribute. A 2D line has the dimensions cdp and time or depth.

    Args:
        volume: Volume to write.
        output: Folder to write. One that is there is replaced.
        degrees: Write dip and strike in degrees instead of values from 0 to 1.

    Raises:
        StrataflowError: The package zarr is missing, or the disk is full.
    """
    zarr = library("zarr", mdio.PACKAGE, output, "MDIO")
    sidecar, shape = volume.sidecar, volume.shape
    require_free_space(output.parent, shape.n_bytes)
    dimensions = (("cdp",) if sidecar.is_line else ("inline", "crossline"), (sidecar.domain,))
    lateral, vertical = dimensions
    sides = (shape.n2,) if sidecar.is_line else (shape.n3, shape.n2)
    with scratch_folder(output) as folder:
        store = folder / "store"
        group = zarr.open_group(str(store), mode="w")
        about = {"defaultVariableName": sidecar.attribute, "surveyType": f"{len(sides) + 1}D"}
        group.attrs.update({"apiVersion": "1.0.0", "name": sidecar.attribute, "attributes": about})
        group.attrs["createdBy"] = f"strataflow {__version__}"

        def add(name: str, values: NDArray, names: tuple[str, ...], unit: str = "") -> None:
            array = group.create_array(name, data=values, dimension_names=names)
            if unit:
                kind = "time" if unit == "ms" else "length"
                array.attrs["unitsV1"] = {kind: UNITS.get(unit, unit)}

        for name, axis, n in zip(
            (*lateral, *vertical), sidecar.axes[-len(sides) - 1 :], (*sides, shape.n1), strict=True
        ):
            unit = axis.unit if name == sidecar.domain else ""
            add(name, axis.first + axis.step * np.arange(n), (name,), unit)
        add("trace_mask", sidecar.live.reshape(sides), lateral)
        if sidecar.corners:
            i3, i2 = np.indices(shape.array[:2])
            places = sidecar.places(np.stack([i3.ravel(), i2.ravel(), np.zeros(i3.size)]))
            for name, values in (("cdp_x", places["x"]), ("cdp_y", places["y"])):
                add(name, values.reshape(sides), lateral, sidecar.axes[1].unit)
        samples = group.create_array(
            sidecar.attribute,
            shape=(*sides, shape.n1),
            chunks=tuple(min(CHUNK, n) for n in (*sides, shape.n1)),
            dtype="float32",
            dimension_names=(*lateral, *vertical),
        )
        if sidecar.corners:
            samples.attrs["coordinates"] = "cdp_x cdp_y"

        def put(inlines: slice, crosslines: slice, values: NDArray[np.float32]) -> None:
            if sidecar.is_line:
                samples[crosslines] = values[0]
            else:
                samples[inlines, crosslines] = values

        _copy(volume, put, degrees)
        if output.is_dir():
            os.replace(output, folder / "replaced")
        os.replace(store, output)


def export_vds(volume: Volume, output: Path, degrees: bool = False) -> None:
    """Write a volume as an OpenVDS file with one channel, Amplitude, without compression.

    Args:
        volume: Volume to write.
        output: File to write.
        degrees: Write dip and strike in degrees instead of values from 0 to 1.

    Raises:
        StrataflowError: The package openvds is missing or fails, or the disk is full.
    """
    o = library("openvds", vds.PACKAGE, output, "VDS")
    require_free_space(output.parent, volume.shape.n_bytes)
    unit = unit_of(volume, degrees)
    low, high = _limits(volume, unit)
    axis, layout = o.VolumeDataAxisDescriptor, o.VolumeDataLayoutDescriptor
    axes: list[Any] = []
    for name, at, n in zip(
        ("Inline", "Crossline", "Sample"), volume.sidecar.axes, volume.shape.array, strict=True
    ):
        kind = at.unit if name == "Sample" else "unitless"
        axes.insert(0, axis(n, name, kind, float(at.first), float(at.first + at.step * (n - 1))))
    channel = o.VolumeDataChannelDescriptor(
        o.VolumeDataFormat.Format_R32,
        o.VolumeDataComponents.Components_1,
        "Amplitude",
        "",
        low,
        high,
    )
    described = layout(
        *(layout.BrickSize.BrickSize_64, 0, 0, 4),
        *(layout.LODLevels.LODLevels_None, layout.Options.Options_None),
    )
    place = _coordinate_system(o, volume.sidecar)
    create = o.IVolumeDataAccessManager.AccessMode.AccessMode_Create
    with written_whole(output) as (temporary,):
        try:
            handle = o.create(str(temporary), "", described, axes, [channel], place)
            pages = o.getAccessManager(handle).createVolumeDataPageAccessor(
                o.DimensionsND.Dimensions_012, 0, 0, 8, create
            )
            for chunk in range(pages.getChunkCount()):
                first, last = pages.getChunkMinMax(chunk)
                page = pages.createPage(chunk)
                part = tuple(slice(first[d], last[d]) for d in (2, 1, 0))
                values = volume.values[part].astype(np.float32) * unit
                buffer = np.array(page.getWritableBuffer(), copy=False)
                buffer[tuple(slice(0, n) for n in values.shape)] = values
                page.release()
            pages.commit()
            o.close(handle)
        except RuntimeError as error:
            raise StrataflowError(f"{output}: OpenVDS could not write it: {error}") from error


def _limits(volume: Volume, unit: np.float32) -> tuple[float, float]:
    """Smallest and largest finite value, 0 and 1 at least, read inline by inline."""
    low, high = 0.0, 1.0
    for plane in volume.values:
        finite = plane[np.isfinite(plane)]
        low = min(low, float(finite.min(initial=0)) * float(unit))
        high = max(high, float(finite.max(initial=0)) * float(unit))
    return low, high


def _coordinate_system(o: Any, sidecar: Sidecar) -> Any:
    """Coordinates of inline 0 and crossline 0, and the steps from one number to the next."""
    place, category = o.MetadataContainer(), "SurveyCoordinateSystem"
    if sidecar.corners and not sidecar.is_line:
        origin, *along = sidecar.lattice()
        step3, step2 = (a / axis.step for a, axis in zip(along, sidecar.axes, strict=False))
        origin = origin - sidecar.axes[0].first * step3 - sidecar.axes[1].first * step2
        for name, vector in (
            ("Origin", origin),
            ("InlineSpacing", step3),
            ("CrosslineSpacing", step2),
        ):
            place.setMetadataDoubleVector2(category, name, tuple(map(float, vector)))
        place.setMetadataString(category, "Unit", sidecar.axes[1].unit)
    return place


def _copy(
    volume: Volume, put: Callable[[slice, slice, NDArray[np.float32]], None], degrees: bool
) -> None:
    """Pass on the samples of a volume, some columns of chunks at a time."""
    unit = unit_of(volume, degrees)

    def read(inlines: slice, crosslines: slice) -> NDArray[np.float32]:
        return volume.values[inlines, crosslines].astype(np.float32) * unit

    for inlines, crosslines in Cube(volume.shape, (CHUNK, CHUNK), read).columns():
        put(inlines, crosslines, read(inlines, crosslines))


# By the ending of the survey, and of the file that is written.
WRITERS: dict[str, Callable[[Volume, Path, bool], None]] = {
    ".mdio": export_mdio,
    ".zarr": export_mdio,
    ".vds": export_vds,
}
