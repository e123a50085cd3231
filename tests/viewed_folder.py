"""A small folder of predictions with known values, for the tests of the viewer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyvista

from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Axis, Sidecar, plain_sidecar
from strataflow.volume.volume import write_volume

SHAPE = Shape(n1=48, n2=40, n3=32)

# Index along n2 of two vertical faults at sample 0, and the crosslines that the first one moves a
# sample.
FIRST, SECOND, SLANT = 12, 30, 0.25


def sidecar_of(attribute: str, shape: Shape = SHAPE) -> Sidecar:
    """Inlines from 100 by 2, crosslines from 500, 800 ms by 4 ms, turned by 30 degrees."""
    axes = (
        Axis("inline", 100, 2, 25.0, "m"),
        Axis("crossline", 500, 1, 12.5, "m"),
        Axis("sample", 800.0, 4.0, 4.0, "ms"),
    )
    east, north = np.cos(np.radians(30)), np.sin(np.radians(30))
    along2, along3 = 12.5 * np.array([east, north]), 25.0 * np.array([-north, east])
    corners = [
        np.array([430000.0, 6520000.0]) + i3 * along3 + i2 * along2
        for i3 in (0, shape.n3 - 1)
        for i2 in (0, shape.n2 - 1)
    ]
    places = tuple((float(x), float(y)) for x, y in corners)
    return dataclasses.replace(plain_sidecar(shape, attribute), axes=axes, corners=places)


def attributes(shape: Shape = SHAPE) -> dict[str, np.ndarray]:
    """Values by attribute: layers that are flat, and faults that each cut all inlines."""
    i3, i2, i1 = np.indices(shape.array)
    first = np.abs(i2 - FIRST - SLANT * i1) < 0.5
    second = i2 == SECOND
    return {
        "dhr": np.sin(i1 / 2 + i3 / 3),
        "rgt": i1 / (shape.n1 - 1),
        "fsem": np.where(first | second, 0.9, 0.1),
        "fdip": np.where(first | second, 0.4, 0),
        "fstrike": np.where(first | second, 0.25, 0),
        "fault_id": np.where(first, 1, np.where(second, 2, 0)),
    }


def write_folder(folder: Path, name: str = "north") -> Path:
    """Write volumes, a table and a mesh of two faults, and a table of two horizons."""
    for attribute, values in attributes().items():
        sidecar = sidecar_of(attribute)
        write_volume(folder / f"{name}.{attribute}", values.astype(sidecar.dtype), sidecar)
    rows = [
        {"name": "fault_1", "fault": 1, "length_m": 775.0, "throw_mean_ms": 24.5},
        {"name": "fault_2", "fault": 2, "length_m": 700.0, "throw_mean_ms": np.nan},
    ]
    pd.DataFrame(rows).to_csv(folder / f"{name}.faults.csv", index=False)
    write_meshes(folder / f"{name}.faults.vtp")
    write_horizons(folder / f"{name}.horizons.csv")
    return folder


def write_meshes(path: Path) -> None:
    """Write both faults as triangles, by another library than ours."""
    meshes = []
    for number, (at, slant) in enumerate([(FIRST, SLANT), (SECOND, 0.0)], start=1):
        i3, i1 = (a.ravel() for a in np.meshgrid(np.arange(0, 32, 1.0), np.arange(0, 40, 2.0)))
        indices = np.stack([i3, at + slant * i1, i1])
        places = sidecar_of("fsem").places(indices)
        points = np.stack([places["x"], places["y"], -places["time"]], axis=1)
        flat = pyvista.PolyData(np.stack([i3, i1, 0 * i3], axis=1)).delaunay_2d()
        mesh = pyvista.PolyData(points, flat.faces)
        mesh.point_data["fault"] = np.full(mesh.n_points, number, np.int32)
        mesh.point_data["throw"] = np.full(mesh.n_points, 24.5)
        meshes.append(mesh)
    pyvista.merge(meshes, merge_points=False).extract_surface(algorithm=None).save(path)


def write_horizons(path: Path) -> None:
    """Write a horizon at sample 10 and one at sample 30 that ends at crossline 520."""
    i3, i2 = (a.ravel() for a in np.indices(SHAPE.array[:2]))
    table = pd.DataFrame({"inline": 100 + 2 * i3, "crossline": 500 + i2})
    table["horizon_01"] = 840.0
    table["horizon_01_rms"] = 1.0
    table["horizon_02"] = np.where(i2 <= 20, 920.0, np.nan)
    table.to_csv(path, index=False)
    index = {"horizon": ["horizon_01", "horizon_02"], "name": ["", "Top Reef"], "rgt": [0.2, 0.6]}
    pd.DataFrame(index).to_csv(path.with_name("north.horizon_index.csv"), index=False)
