"""Faults as an interpreter picks them: surfaces with throws, as tables, sticks, meshes, volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..errors import StrataflowError
from ..files import written_whole
from ..processes import results_of
from ..volume.attributes import PICKED, PROBABILITY
from ..volume.raw import Shape
from ..volume.sidecar import Sidecar, sidecar_path
from ..volume.volume import Volume, attribute_path, open_volume, require_same_shape
from .fault_ground import Ground, dips, ground_of, strikes
from .fault_meshes import fault_mesh, tsurf_lines
from .fault_samples import index_samples
from .fault_sticks import charisma_lines, fault_sticks, opendtect_lines
from .fault_tables import fault_table, throw_profiles, write_points
from .fault_voxels import PickedVoxels, picked_voxels, write_picked
from .growing import BRIDGE, MIN_AREA, grow_surfaces
from .joining import join_surfaces
from .meshes import Mesh, write_vtp
from .single_line import on_line, repeated
from .surface_files import save_surfaces
from .surfaces import Surface, upright
from .thinning import FaultVoxels, thin
from .throw import MAX_THROW, with_throw

__all__ = ["FaultSettings", "FaultVoxels", "fault_surfaces", "pick_faults", "thin"]

# Pieces of a fault are joined across at most so many times the distance that growth bridges.
JOIN_GAP = 3.0

# Minimum mean probability of a fault, from 0 at the minimum of its voxels to 1. In our synthetic
# surveys, half of the false faults and one in 34 of the true ones have a lower one.
SURE = 0.4

# Files that are written besides the volumes PICKED.
FILES = (
    "faults.csv",
    "fault_points.csv",
    "fault_throws.csv",
    "fault_sticks.txt",
    "fault_sticks.odt.txt",
    "faults.vtp",
    "faults.ts",
    "fault_surfaces.npz",
)


@dataclass(frozen=True)
class FaultSettings:
    """Which faults are picked.

    `min_probability` of a fault voxel; `mean_probability` of a fault at least, by default SURE of
    the way from `min_probability` to 1; `min_area` of a fault in voxel faces; `bridge`, the number
    of voxels without a fault that a surface may cross; `max_throw` in samples. Faults are kept
    whose mean dip in degrees is in `dip`, and whose strike from north in degrees, or the opposite
    direction, is in `strike`; a strike range of 330 to 30 goes through north. `velocity` in m/s
    turns two-way time into depth.
    """

    min_probability: float = PROBABILITY
    mean_probability: float | None = None
    min_area: float = MIN_AREA
    bridge: int = BRIDGE
    max_throw: float = MAX_THROW
    dip: tuple[float, float] = (0.0, 90.0)
    strike: tuple[float, float] = (0.0, 360.0)
    velocity: float | None = None

    @property
    def minimum_mean(self) -> float:
        """Minimum mean probability of a fault."""
        if self.mean_probability is None:
            return self.min_probability + SURE * (1 - self.min_probability)
        return self.mean_probability


def pick_faults(
    prefix: Path,
    output: Path,
    shape: Shape | None = None,
    settings: FaultSettings | None = None,
    image: Path | None = None,
    workers: int = 1,
) -> None:
    """Pick the faults of PREFIX.fsem, .fdip and .fstrike; a 2D line has no .fstrike.

    Args:
        prefix: of the attributes.
        output: PREFIX of what is written: FILES, and the volumes PICKED with their sidecars.
        shape: needed without sidecars.
        settings: which faults are picked.
        image: the amplitudes, which throws are measured in; without them there are no throws.
        workers: number of processes that measure throws.

    Raises:
        StrataflowError: an attribute is missing or not of the size of the others, or faults are
            chosen by a dip that is not known.
    """
    settings = settings or FaultSettings()
    fsem = open_volume(attribute_path(prefix, "fsem"), shape, "fsem")
    is_line = fsem.shape.n3 == 1
    names = ("fdip",) if is_line else ("fdip", "fstrike")
    others = {name: open_volume(attribute_path(prefix, name), shape, name) for name in names}
    volumes = {"fsem": fsem, **others}
    amplitudes = open_volume(image, shape) if image else None
    for volume in (*volumes.values(), amplitudes):
        if volume is not None:
            require_same_shape(volume, volumes["fsem"])
    sidecar = volumes["fsem"].sidecar
    if is_line:
        # The faults of the copies of a line run across it: a strike of 0 on the grid.
        volumes["fstrike"] = replace(fsem, values=np.zeros_like(fsem.values))
        volumes = {name: repeated(volume) for name, volume in volumes.items()}
        amplitudes = repeated(amplitudes) if amplitudes else None
    ground = ground_of(sidecar, settings.velocity)
    _require_dips(settings, ground)
    surfaces = fault_surfaces(volumes, settings, ground)
    if amplitudes is not None:
        measured = results_of(
            [partial(with_throw, s, amplitudes, settings.max_throw) for s in surfaces], workers
        )
        surfaces = list(
            tqdm(measured, "throws", len(surfaces), unit="fault", disable=None),
        )
    if is_line:
        surfaces = [on_line(surface) for surface in surfaces]
    output.parent.mkdir(parents=True, exist_ok=True)
    _write(output, surfaces, sidecar, ground)


def _require_dips(settings: FaultSettings, ground: Ground) -> None:
    low, high = settings.dip
    if not 0 <= low <= high <= 90:
        raise StrataflowError(
            f"interpretation.dip: expected 0 <= minimum <= maximum <= 90, got {low:g} {high:g}"
        )
    if settings.dip != (0, 90) and not ground.has_depth:
        raise StrataflowError(
            f"interpretation.dip: {settings.dip[0]:g} to {settings.dip[1]:g} degrees needs depths:"
            " give segy.velocity (--velocity) for a survey in time"
        )
    if settings.strike[1] - settings.strike[0] < 180 and not ground.has_azimuth:
        what = "a 2D line has no strike" if ground.is_line else "the survey has no coordinates"
        raise StrataflowError(
            f"interpretation.strike: {settings.strike[0]:g} to {settings.strike[1]:g} degrees:"
            f" {what}; set 0 to 360"
        )


def fault_surfaces(
    volumes: dict[str, Volume], settings: FaultSettings, ground: Ground
) -> list[Surface]:
    """The surfaces, without throws, of fsem, fdip and fstrike in `volumes`, the largest first."""
    voxels = thin(volumes, settings.min_probability)
    # A surface of so small an area has at least half as many samples.
    scrap = max(int(settings.min_area / 2), 1)
    samples = index_samples(voxels, volumes["fsem"].values.shape, scrap)
    del voxels
    surfaces = join_surfaces(
        grow_surfaces(samples, settings.min_area, settings.bridge), JOIN_GAP * settings.bridge
    )
    return [upright(surface) for surface in surfaces if _is_wanted(surface, settings, ground)]


def _is_wanted(surface: Surface, settings: FaultSettings, ground: Ground) -> bool:
    if float(surface.probability[surface.inside].mean()) < settings.minimum_mean:
        return False
    normal = ground.mean_normal(surface)
    low, high = settings.dip
    if ground.has_depth and not low <= dips(normal, ground) <= high:
        return False
    first, last = settings.strike
    if last - first >= 180:
        return True
    return bool((float(strikes(normal)) - first) % 180 <= (last - first) % 180)


def _write(output: Path, surfaces: Sequence[Surface], sidecar: Sidecar, ground: Ground) -> None:
    """Write all files, whole or not at all."""
    voxels = picked_voxels(surfaces, sidecar.shape.array)
    raws = [attribute_path(output, name) for name in PICKED]
    beside = [sidecar_path(raw) for raw in raws]
    finals = [Path(f"{output}.{name}") for name in FILES]
    with written_whole(*beside, *raws, *finals[1:], finals[0]) as parts:
        sidecars, volumes, (*files, table) = parts[:3], parts[3:6], parts[6:]
        points, throws, sticks, opendtect, vtp, tsurf, arrays = files
        pairs = zip(PICKED, zip(volumes, sidecars, strict=True), strict=True)
        write_picked(dict(pairs), surfaces, voxels, sidecar)
        _write_tables(table, points, throws, surfaces, voxels, sidecar, ground)
        lines = fault_sticks(surfaces, ground)
        with open(sticks, "w") as stream:
            stream.writelines(charisma_lines(lines, sidecar))
        with open(opendtect, "w") as stream:
            stream.writelines(opendtect_lines(lines, sidecar))
        # Nothing is known beside a single line.
        meshes = [
            fault_mesh(fault, surface, sidecar, ground)
            for fault, surface in enumerate(surfaces, start=1)
            if sidecar.shape.n3 > 1
        ]
        _write_meshes(vtp, tsurf, meshes, sidecar, ground)
        save_surfaces(arrays, surfaces, sidecar.shape.array)


def _write_tables(
    table: Path,
    points: Path,
    throws: Path,
    surfaces: Sequence[Surface],
    voxels: PickedVoxels,
    sidecar: Sidecar,
    ground: Ground,
) -> None:
    fault_table(surfaces, voxels, sidecar, ground).to_csv(table, index=False)
    write_points(points, surfaces, voxels, sidecar)
    throw_profiles(surfaces, sidecar, ground).to_csv(throws, index=False)


def _write_meshes(
    vtp: Path, tsurf: Path, meshes: Sequence[Mesh], sidecar: Sidecar, ground: Ground
) -> None:
    names = ["throw", "quality", "probability", ground.dip_column, "strike"]
    write_vtp(vtp, meshes, names, "fault")
    with open(tsurf, "w") as stream:
        for mesh in meshes:
            stream.writelines(tsurf_lines(mesh, sidecar))
