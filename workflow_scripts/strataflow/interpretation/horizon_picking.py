"""Picking of horizons from RGT, and all files and pictures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import StrataflowError
from ..figures.horizon_maps import HorizonMap, draw_horizon
from ..files import written_whole
from ..volume.sidecar import Sidecar
from ..volume.volume import Volume, require_same_shape
from .control import ControlSet
from .horizon_amplitudes import WINDOW, amplitudes_along
from .horizon_levels import Level, control_levels, even_levels
from .horizon_names import horizon_names
from .horizon_writers import (
    Amplitudes,
    horizon_index,
    horizon_mesh,
    horizon_table,
    write_irap,
    write_opendtect,
)
from .horizons import PickedHorizon, follow
from .meshes import write_vtp

# Number of horizons, and formats of their files besides the table.
COUNT, FORMATS = 10, ("irap", "opendtect", "vtp")


@dataclass(frozen=True)
class Choice:
    """Which horizons are picked; the first of these that is given.

    Attributes:
        control: Horizons through control sets.
        levels: Values of RGT.
        count: Number of horizons at evenly spaced mean depths.
    """

    control: tuple[ControlSet, ...] = ()
    levels: tuple[float, ...] = ()
    count: int = COUNT

    def of(self, rgt: Volume) -> list[Level]:
        """The levels to pick, shallowest first.

        Raises:
            StrataflowError: RGT does not increase downward.
        """
        even = even_levels(rgt.values, rgt.sidecar.live, self.count)
        if self.control:
            levels = control_levels(rgt.values, self.control)
        elif self.levels:
            levels = [Level(value) for value in self.levels]
        else:
            levels = even
        # Undefined ones are the last.
        return sorted(levels, key=lambda level: (level.rgt != level.rgt, level.rgt))


def pick_horizons(
    rgt: Volume,
    output: Path,
    choice: Choice,
    image: Volume | None = None,
    faults: Volume | None = None,
    formats: Sequence[str] = FORMATS,
    window: int = WINDOW,
) -> None:
    """Pick horizons and write their files.

    `output`.horizons.csv has a row a trace with time or depth and amplitudes of each horizon,
    `output`.horizon_index.csv a row a horizon. Each horizon has a map `output`.horizon_NN.png and,
    by `formats`, an Irap classic grid `output`.horizon_NN.irap and OpendTect ASCII
    `output`.horizon_NN.odt.txt. `output`.horizons.vtp has all of them as meshes.

    Args:
        rgt: RGT.
        output: PREFIX of the files.
        choice: Which horizons are picked.
        image: Amplitudes, for amplitudes along the horizons.
        faults: Numbers of picked faults, at which horizons break.
        formats: irap, opendtect and vtp, those to write.
        window: Half length in samples of the window of RMS amplitudes.

    Raises:
        StrataflowError: RGT does not increase downward, volumes differ in size, or the grid is not
            rectangular, as irap needs.
    """
    for other in (image, faults):
        if other is not None:
            require_same_shape(other, rgt)
    sidecar = rgt.sidecar
    levels = choice.of(rgt)
    names = horizon_names(len(levels))
    numbers = faults.values if faults is not None else None
    horizons = follow(rgt.values, levels, names, sidecar, numbers)
    found = amplitudes_along(image.values, horizons, window) if image is not None else []
    _write_files(output, horizons, found, sidecar, formats)
    for number, horizon in enumerate(horizons):
        shown = found[number] if found else {}
        title = _title(output.name, horizon, window)
        picture = HorizonMap(title, horizon.depths(sidecar), horizon.broken, shown)
        draw_horizon(Path(f"{output}.{horizon.name}.png"), picture, sidecar)


def _title(volume: str, horizon: PickedHorizon, window: int) -> str:
    control = horizon.level.control
    through = f" through {control.name}" if control else ""
    return (
        f"{volume}: {horizon.name.replace('_', ' ')}{through}, geologic time"
        f" {horizon.level.rgt:.3f}, RMS over {2 * window + 1} samples"
    )


def _write_files(
    output: Path,
    horizons: Sequence[PickedHorizon],
    amplitudes: Amplitudes,
    sidecar: Sidecar,
    formats: Sequence[str],
) -> None:
    """Write the tables, and the files of each format."""
    unknown = set(formats) - set(FORMATS)
    if unknown:
        raise StrataflowError(f"formats: {', '.join(unknown)}: expected {', '.join(FORMATS)}")
    finals = [Path(f"{output}.horizons.csv"), Path(f"{output}.horizon_index.csv")]
    if "vtp" in formats:
        finals.append(Path(f"{output}.horizons.vtp"))
    kinds = {"irap": (write_irap, "irap"), "opendtect": (write_opendtect, "odt.txt")}
    writers = [kinds[name] for name in formats if name in kinds]
    grids = [Path(f"{output}.{h.name}.{suffix}") for _, suffix in writers for h in horizons]
    with written_whole(*finals, *grids) as paths:
        horizon_table(horizons, amplitudes, sidecar).to_csv(paths[0], index=False)
        horizon_index(horizons, sidecar).to_csv(paths[1], index=False)
        if "vtp" in formats:
            _write_meshes(paths[2], horizons, amplitudes, sidecar)
        rest = iter(paths[len(finals) :])
        for write, _ in writers:
            for horizon in horizons:
                write(next(rest), horizon, sidecar)


def _write_meshes(
    path: Path, horizons: Sequence[PickedHorizon], amplitudes: Amplitudes, sidecar: Sidecar
) -> None:
    values: Amplitudes = amplitudes or [{} for _ in horizons]
    meshes = [
        horizon_mesh(number, horizon, own, sidecar)
        for number, (horizon, own) in enumerate(zip(horizons, values, strict=True), start=1)
    ]
    write_vtp(path, meshes, list(meshes[0].data) if meshes else [], "horizon")
