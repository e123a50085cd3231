"""What interpreters have, as label volumes: masks, fault sticks and lines to NaN where unknown."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import written_whole
from ..volume.attributes import TASKS
from ..volume.raw import Array
from ..volume.sidecar import sidecar_path, write_sidecar
from ..volume.volume import Volume, attribute_path, require_same_shape
from .fault_masks import FaultLabel, as_mask, fault_label, rasterised
from .labelled_lines import traces_on
from .stick_files import PickedStick, read_sticks
from .stick_surfaces import line_of, surface_points

logger = logging.getLogger(__name__)

# Columns of the table of labels.
COLUMNS = (
    *("label", "source", "lines", "labelled_voxels", "labelled_share", "fault_voxels"),
    *("oriented_share", "remark"),
)


@dataclass(frozen=True)
class Given:
    """Labels as they are given.

    Attributes:
        image: Seismic image.
        labels: Label volumes by attribute.
        sticks: Files of fault sticks.
        labelled: Lines that were interpreted, as in `parse_lines`; None if the labels tell.
        unknown: Value that stands for unknown in label volumes, besides NaN and missing traces.
    """

    image: Volume
    labels: dict[str, Volume]
    sticks: tuple[Path, ...] = ()
    labelled: str | None = None
    unknown: float | None = None


def make_labels(given: Given, output: Path) -> pd.DataFrame:
    """Write label volumes and a table of what they hold.

    Writes OUTPUT.fsem, .fdip, .fstrike, .rgt and .dhr as far as there are labels, NaN where
    unknown, and OUTPUT.labels.csv.

    Args:
        given: Labels as they are given.
        output: PREFIX of the files.

    Returns:
        The table, with COLUMNS.

    Raises:
        StrataflowError: There is no label, a label differs in size from the image, or its values
            are not those of such a label.
    """
    if not given.labels and not given.sticks:
        raise StrataflowError(f"{given.image.path}: no label: give a label volume or fault sticks")
    if given.sticks and "fsem" in given.labels:
        raise StrataflowError(
            f"{given.sticks[0]}: fault sticks and a fault mask are given; use one of them"
        )
    for volume in given.labels.values():
        _require_same_grid(volume, given.image)
    if ("fdip" in given.labels) != ("fstrike" in given.labels):
        raise StrataflowError(f"{given.image.path}: fdip and fstrike must be given together")
    if "fdip" in given.labels and "fsem" not in given.labels:
        raise StrataflowError(f"{given.image.path}: fdip and fstrike need fsem")
    lines = _lines(given)
    written: dict[str, Array] = {}
    rows: list[dict[str, object]] = []
    if given.sticks or "fsem" in given.labels:
        fault, row = _of_sticks(given, lines) if given.sticks else _of_mask(given, lines)
        written |= {name: getattr(fault, name) for name in TASKS["fault"]}
        rows.append(row)
    for name in ("rgt", "dhr"):
        if name in given.labels:
            written[name] = _known_part(given, given.labels[name], lines)
            rows.append(_row(name, given.labels[name].path, written[name]))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    _write(output, written, given.image, table)
    return table


def _require_same_grid(label: Volume, image: Volume) -> None:
    """Raise StrataflowError if a label has another size, or known line numbers that differ."""
    require_same_shape(label, image)
    # Without a source, line numbers are made up.
    if not (label.sidecar.source and image.sidecar.source):
        return
    for own, others in zip(label.sidecar.axes[:2], image.sidecar.axes[:2], strict=True):
        if (own.first, own.step) != (others.first, others.step):
            raise StrataflowError(
                f"{label.path}: another grid than {image.path}: {own.name}s begin at {own.first:g}"
                f" in steps of {own.step:g} instead of {others.first:g} in steps of"
                f" {others.step:g}"
            )


def _lines(given: Given) -> NDArray[np.bool_]:
    """Traces that may be labelled, bool (n3, n2): live, and on the labelled lines if given."""
    live = np.array(given.image.sidecar.live)
    if given.labelled is None:
        return live
    try:
        return live & traces_on(given.labelled, given.image.sidecar)
    except StrataflowError as error:
        raise StrataflowError(f"{given.image.path}: labelled: {error}") from None


def _known_part(given: Given, volume: Volume, traces: NDArray[np.bool_]) -> Array:
    """Values of a label (n3, n2, n1), NaN where they are unknown."""
    values = np.array(volume.values, np.float32)
    values[~np.isfinite(values)] = np.nan
    if given.unknown is not None:
        values[values == np.float32(given.unknown)] = np.nan
    values[~(traces & volume.sidecar.live)] = np.nan
    if np.isnan(values).all():
        raise StrataflowError(
            f"{volume.path}: no known value{' on the labelled lines' if given.labelled else ''}"
        )
    return values


def _of_mask(given: Given, traces: NDArray[np.bool_]) -> tuple[FaultLabel, dict[str, object]]:
    """Fault labels from a mask, with its own dip and strike if they are given."""
    volume = given.labels["fsem"]
    values = _known_part(given, volume, traces)
    mask, known, what = as_mask(values, str(volume.path))
    if "fdip" in given.labels:
        angles = [_known_part(given, given.labels[n], traces) for n in ("fdip", "fstrike")]
        for name, angle in zip(("fdip", "fstrike"), angles, strict=True):
            low, high = float(np.nanmin(angle)), float(np.nanmax(angle))
            if not 0 <= low <= high <= 1:
                raise StrataflowError(
                    f"{given.labels[name].path}: {name} must be degrees / 180, 0 to 1, got"
                    f" {low:g} to {high:g}"
                )
        fsem = np.where(known, mask.astype(np.float32), np.float32(np.nan))
        label = FaultLabel(fsem, *angles)
    else:
        label = fault_label(mask, known)
        what += "; thickness, dip and strike from its geometry"
    return label, _row("fsem", volume.path, label.fsem, label, what)


def _of_sticks(given: Given, traces: NDArray[np.bool_]) -> tuple[FaultLabel, dict[str, object]]:
    """Fault labels from sticks, on the labelled lines or else on the lines that have sticks."""
    sticks, notes = read_sticks(given.sticks, given.image.sidecar)
    for note in notes:
        logger.info("%s", note)
    if given.labelled is None:
        traces = traces & _lines_of(sticks, given)
    known = np.broadcast_to(traces[:, :, None], given.image.shape.array)
    label = rasterised(surface_points(sticks), known)
    faults = len({stick.fault for stick in sticks})
    what = f"{len(sticks)} sticks of {faults} faults"
    if notes:
        what += f"; {len(notes)} remarks in the log"
    place = given.sticks[0] if len(given.sticks) == 1 else given.sticks[0].parent
    return label, _row("fsem", place, label.fsem, label, what)


def _lines_of(sticks: Sequence[PickedStick], given: Given) -> NDArray[np.bool_]:
    """Traces on lines with sticks, bool (n3, n2)."""
    shape = given.image.shape
    found = [line for stick in sticks if (line := line_of(stick.points))]
    if not found:
        raise StrataflowError(
            f"{given.sticks[0]}: no stick lies on an inline or crossline, so that it is unknown"
            " which lines were interpreted; name them in the column labelled"
        )
    axes = [axis for axis, _ in found]
    traces = np.zeros((shape.n3, shape.n2), bool)
    for stick in sticks:
        line = line_of(stick.points)
        if line is None:
            continue
        axis, index = line
        if np.ptp(stick.points[:2], axis=1).max() < 1:
            # A vertical stick lies on both kinds of lines; that of most other sticks counts.
            axis = int(np.bincount(axes).argmax())
            index = int(np.rint(stick.points[axis].mean()))
        index = int(np.clip(index, 0, (shape.n3, shape.n2)[axis] - 1))
        traces[(index, slice(None)) if axis == 0 else (slice(None), index)] = True
    return traces


def _row(
    name: str,
    source: Path,
    values: Array,
    fault: FaultLabel | None = None,
    remark: str = "",
) -> dict[str, object]:
    """A row of the table of labels."""
    known = np.isfinite(values)
    row: dict[str, object] = {
        "label": name,
        "source": str(source),
        "lines": _counted_lines(np.any(known, axis=2)),
        "labelled_voxels": int(np.count_nonzero(known)),
        "labelled_share": float(known.mean()),
        "remark": remark,
    }
    if fault is not None:
        there = fault.fsem == 1
        row["fault_voxels"] = int(np.count_nonzero(there))
        oriented = np.isfinite(fault.fdip[there])
        row["oriented_share"] = float(oriented.mean()) if oriented.size else None
    return row


def _counted_lines(traces: NDArray[np.bool_]) -> str:
    """How many lines have labels, as text."""
    if traces.all():
        return "all"
    inlines = int(np.count_nonzero(traces.any(axis=1) & (traces.mean(axis=1) > 0.5)))
    crosslines = int(np.count_nonzero(traces.any(axis=0) & (traces.mean(axis=0) > 0.5)))
    return f"{inlines} of {traces.shape[0]} inlines, {crosslines} of {traces.shape[1]} crosslines"


def _write(output: Path, cubes: dict[str, Array], image: Volume, table: pd.DataFrame) -> None:
    """Write all files, whole or not at all."""
    raws = [attribute_path(output, name) for name in cubes]
    finals = [*map(sidecar_path, raws), *raws, Path(f"{output}.labels.csv")]
    with written_whole(*finals) as parts:
        sidecars, volumes = parts[: len(raws)], parts[len(raws) : -1]
        for name, sidecar, raw in zip(cubes, sidecars, volumes, strict=True):
            np.ascontiguousarray(cubes[name], "<f4").tofile(raw)
            write_sidecar(sidecar, image.sidecar.of_attribute(name), raw)
        table.to_csv(parts[-1], index=False)
