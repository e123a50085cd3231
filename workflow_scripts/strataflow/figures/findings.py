"""What the overview page says about a volume: faults, horizons, scores and tile artifacts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import StrataflowError
from ..volume.sidecar import Sidecar
from .style import fault_colour

# Number of faults in the table of the page, the largest ones.
FAULTS_LISTED = 15

# Section of metrics.json within 20 voxels of faults with a throw above 3 samples.
NEAR_FAULTS = ("rgt", "near_faults")

# Scores on the page, with their sections and name in metrics.json.
SCORES: dict[str, tuple[str, ...]] = {
    "F1 of faults": ("fault", "f1"),
    "F1 within 2 voxels": ("fault", "f1_within_2_voxels"),
    "average precision": ("fault", "average_precision"),
    "faults found as one surface": ("faults", "found_as_one"),
    "faults split into several surfaces": ("faults", "split"),
    "fault surfaces that merge several": ("faults", "merged_objects"),
    "false fault surfaces": ("faults", "false_objects"),
    "median error of throw, samples": ("faults", "throw_error_median"),
    "90th percentile of that error, samples": ("faults", "throw_error_p90"),
    "median distance to a true fault, voxels": ("faults", "distance_median"),
    "90th percentile of that distance, voxels": ("faults", "distance_p90"),
    "median angle of normals, degrees": ("orientation", "median_degrees"),
    "vertical shift of layers, samples": ("rgt", "mean_absolute_shift_samples"),
    "scatter along horizons, samples": ("rgt", "horizon_scatter_samples"),
    "vertical shift of layers near faults, samples": (
        *NEAR_FAULTS,
        "mean_absolute_shift_samples",
    ),
    "scatter along horizons near faults, samples": (*NEAR_FAULTS, "horizon_scatter_samples"),
    "median error of the jump of horizons at faults, samples": (*NEAR_FAULTS, "throw_error_median"),
    "share of horizon points on the wrong side of a fault": (
        *NEAR_FAULTS,
        "share_of_nodes_on_wrong_side",
    ),
    "correlation of dhr": ("dhr", "correlation"),
}

# Marks of tile artifacts, with the largest excess of the ratio at tile borders over that of the
# image, or over 1 if that is smaller.
MARKS = {"good": 0.05, "fair": 0.2, "poor": math.inf}

QUANTITIES = {
    "fsem": "fault probability",
    "rgt": "relative geologic time",
    "dhr": "denoised image",
    "orientation": "fault orientation",
    "image": "input, which has no tiles",
}

# What stands for a missing number.
MISSING = "-"

POINTS_OF_COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True)
class Table:
    """A table: names of its columns, and rows of texts. `colours` are those of the rows, if any."""

    columns: list[str]
    rows: list[list[str]]
    colours: list[str] = field(default_factory=list)
    more: str = ""


@dataclass(frozen=True)
class Seams:
    """Tile artifacts: a mark, a sentence that explains it, and all numbers."""

    mark: str
    sentence: str
    table: Table


def fault_rows(faults: pd.DataFrame, sidecar: Sidecar) -> Table:
    """The largest faults: size, orientation, throw and extent.

    Args:
        faults: VOLUME.faults.csv.
        sidecar: Geometry of the volume.
    """
    columns = {"fault": "fault"} | {
        column: f"{title} ({unit})" if unit else title
        for prefix, title in (
            ("length_", "length"),
            ("height_", "height"),
            ("strike", "strike"),
            ("dip_ms_per_", "slope"),
            ("dip", "dip"),
            ("apparent_dip_ms_per_", "apparent slope"),
            ("apparent_dip", "apparent dip"),
            ("dips_toward", "dips toward"),
            ("throw_mean_", "mean throw"),
            ("throw_maximum_", "largest throw"),
            ("sense", "sense"),
        )
        for column, unit in _columns(faults, prefix)
    }
    domain = sidecar.domain
    rows = []
    for _, row in faults[:FAULTS_LISTED].iterrows():
        texts = [_number(row[column]) for column in columns]
        extent = f"{row[f'{domain}_from']:.0f} to {row[f'{domain}_to']:.0f}"
        rows.append([*texts, extent, _number(row["mean_probability"])])
    names = [*columns.values(), f"{domain} ({sidecar.axes[2].unit})", "probability"]
    more = len(faults) - len(rows)
    return Table(
        names,
        rows,
        [fault_colour(int(number)) for number in faults["fault"][:FAULTS_LISTED]],
        f"{more} smaller faults are in the table of all faults." if more else "",
    )


def _columns(table: pd.DataFrame, prefix: str) -> list[tuple[str, str]]:
    """The column that starts with `prefix` and a unit, or is it, with its unit."""
    if prefix in table:
        return [(prefix, "°" if prefix in ("strike", "dip", "apparent_dip") else "")]
    if not prefix.endswith("_"):
        return []
    found = next((name for name in table if str(name).startswith(prefix)), None)
    if found is None:
        return []
    unit = str(found).removeprefix(prefix)
    return [(str(found), f"ms/{unit}" if prefix.endswith("dip_ms_per_") else unit)]


def _number(value: object) -> str:
    """A number as a person writes it; a dash if it is missing."""
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]  # pandas knows no types of cells
    if not math.isfinite(number):
        return MISSING
    if number == round(number) or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def fault_sentences(faults: pd.DataFrame, sidecar: Sidecar) -> list[str]:
    """Sentences on the faults of VOLUME.faults.csv: how many, and which is the largest."""
    if faults.empty:
        return ["No faults were picked."]
    count = "One fault was picked." if len(faults) == 1 else f"{len(faults)} faults were picked."
    largest, unit = faults.iloc[0], sidecar.axes[2].unit
    ((length, lateral),) = _columns(faults, "length_") or [("", "")]
    text = "The largest, fault 1,"
    parts = []
    if length and math.isfinite(largest[length]):
        parts.append(f"is {_number(round(largest[length], -1))} {lateral} long")
    if math.isfinite(largest.get("strike", math.nan)):
        towards = POINTS_OF_COMPASS[round(largest["dip_azimuth"] / 45) % 8]
        parts.append(f"strikes {largest['strike']:.0f}° and dips towards {towards}")
    throw = largest.get(f"throw_mean_{unit}", math.nan)
    if math.isfinite(throw):
        parts.append(f"has a mean throw of {abs(throw):.0f} {unit} ({largest['sense']})")
    sentences = [count, f"{text} {_joined(parts)}."] if parts else [count]
    throws = faults.get(f"throw_mean_{unit}", pd.Series(dtype=float)).abs().dropna()
    if len(throws) > 1:
        sentences.append(
            f"Mean throws of {len(throws)} faults could be measured: {throws.min():.0f} to "
            f"{throws.max():.0f} {unit}."
        )
    elif throws.empty:
        sentences.append("No throw could be measured reliably.")
    return sentences


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]


def horizon_rows(horizons: pd.DataFrame, sidecar: Sidecar) -> Table:
    """The horizons of VOLUME.horizons.csv: where they lie, and what they cover."""
    unit = sidecar.axes[2].unit
    rows = []
    live = max(int(sidecar.live.sum()), 1)
    for name in horizons.columns:
        if not str(name).startswith("horizon_") or not str(name).removeprefix("horizon_").isdigit():
            continue
        values = horizons[name].dropna()
        if values.empty:
            rows.append([_spelt(str(name)), MISSING, MISSING, MISSING, "0 %"])
            continue
        numbers = [f"{v:.0f}" for v in (values.mean(), values.min(), values.max())]
        rows.append([_spelt(str(name)), *numbers, f"{100 * len(values) / live:.0f} %"])
    columns = ["horizon", f"mean ({unit})", f"shallowest ({unit})", f"deepest ({unit})", "covers"]
    return Table(columns, rows)


def _spelt(name: str) -> str:
    return str(int(name.removeprefix("horizon_")))


def scores_of(path: Path) -> list[tuple[str, str]]:
    """Scores of metrics.json that exist, by their names on the page.

    Raises:
        StrataflowError: The file is damaged.
    """
    if not path.is_file():
        return []
    try:
        metrics: dict[str, Any] = json.loads(path.read_text())
        found = []
        for name, (*sections, score) in SCORES.items():
            part = metrics
            for section in sections:
                part = part.get(section, {})
            if part.get(score) is not None:
                found.append((name, f"{part[score]:.3g}"))
        return found
    except (ValueError, TypeError, AttributeError) as error:
        raise StrataflowError(f"{path}: not metrics ({error})") from error


def seams_of(table: pd.DataFrame) -> Seams:
    """A mark for the tile artifacts of seams.csv, with a sentence that explains it."""
    ratio, shift = "border over inside", "change by shift"
    values = table.set_index("quantity")
    natural = float(values[ratio].get("image", 1.0))
    limit = max(natural, 1.0) if math.isfinite(natural) else 1.0
    marks, rows = {}, []
    for quantity, title in QUANTITIES.items():
        if quantity not in values.index:
            continue
        at_borders = float(values[ratio][quantity])
        mark = ""
        if quantity != "image" and math.isfinite(at_borders):
            mark = next(m for m, most in MARKS.items() if at_borders - limit <= most)
            marks[quantity] = mark
        moved = float(values[shift].get(quantity, math.nan)) if shift in values else math.nan
        change = f"{moved:.3g}°" if quantity == "orientation" else f"{100 * moved:.2g} %"
        rows.append(
            [title, _number(at_borders), mark, change if math.isfinite(moved) else MISSING],
        )
    columns = ["", "change at tile borders / beside them", "mark", "change if tiles shift"]
    order = list(MARKS)
    # Angles exist at few places, so that their ratio scatters: they do not count for the mark.
    counted = {name: mark for name, mark in marks.items() if name != "orientation"}
    if not counted:
        sentence = "The volume fits into one tile, so there are no tile borders."
        return Seams("good", sentence, Table(columns, rows))
    worst = max(counted, key=lambda name: (order.index(counted[name]), values[ratio][name]))
    sentence = (
        f"Across tile borders the {QUANTITIES[worst]} changes {values[ratio][worst]:.2f} times as "
        f"much as beside them, and the input, which has no tiles, {limit:.2f} times. Equal numbers "
        f"mean that no tiles can be seen; up to {MARKS['good']:g} more is good, up to "
        f"{MARKS['fair']:g} more is fair, beyond that tile borders may be visible."
    )
    return Seams(counted[worst], sentence, Table(columns, rows))
