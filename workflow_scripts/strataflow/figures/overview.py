"""Overview page of all predicted volumes (geometry, scores, figures, files), and run times."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ..errors import StrataflowError
from ..files import written_whole
from ..volume.attributes import ATTRIBUTES
from ..volume.volume import read_sidecar

# Maximum number of volumes with embedded figures; for more volumes, the page links to them.
EMBEDDED_VOLUMES = 20

# Scores on the page, with their section and name in metrics.json.
SCORES = {
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
    "correlation of dhr": ("dhr", "correlation"),
}


@dataclass(frozen=True)
class Entry:
    """A predicted volume on the page."""

    name: str
    geometry: list[tuple[str, str]]
    scores: list[tuple[str, float]]
    pictures: list[tuple[str, str]]
    files: list[tuple[str, str]]


def make_overview(folder: Path, template: Path, output: Path) -> None:
    """Write the overview page.

    Args:
        folder: Folder with one subfolder for each volume.
        template: Jinja template of the page.
        output: HTML file to write.

    Raises:
        StrataflowError: The folder has no predicted volumes.
    """
    sidecars = {
        path.parent: path for name in ATTRIBUTES for path in folder.glob(f"*/*.{name}.json")
    }
    if not sidecars:
        raise StrataflowError(f"{folder}: no predicted volumes found, expected NAME/NAME.fsem.json")
    embedded = len(sidecars) <= EMBEDDED_VOLUMES
    entries = [_entry(path, output.parent, embedded) for _, path in sorted(sidecars.items())]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template.read_text()).render(entries=entries)
    with written_whole(output) as (temporary,):
        temporary.write_text(page)


def _entry(sidecar_file: Path, page: Path, embedded: bool) -> Entry:
    """Entry of the volume to which a sidecar belongs."""
    place, sidecar = sidecar_file.parent, read_sidecar(sidecar_file.with_suffix(""))
    geometry = []
    for name, axis, n in zip(sidecar.axis_names, sidecar.axes, sidecar.shape.array, strict=True):
        last = axis.first + axis.step * (n - 1)
        spacing = f"{axis.spacing:g} {axis.unit}"
        geometry.append((name, f"{axis.first:.10g} to {last:.10g}, {n} in total, {spacing} apart"))
    geometry.append(("live traces", f"{int(sidecar.live.sum())} of {sidecar.live.size}"))
    geometry.append(("survey", sidecar.source_file or "unknown"))
    files = sorted(path for path in place.iterdir() if path.is_file())
    pictures = [path for path in files if path.suffix == ".png"]
    return Entry(
        place.name,
        geometry,
        _scores(place / "metrics.json"),
        [(path.name, _source(path, page, embedded)) for path in pictures],
        [(path.name, path.relative_to(page).as_posix()) for path in files],
    )


def _scores(path: Path) -> list[tuple[str, float]]:
    if not path.is_file():
        return []
    metrics: dict[str, Any] = json.loads(path.read_text())
    found = {name: metrics.get(a, {}).get(b) for name, (a, b) in SCORES.items()}
    return [(name, value) for name, value in found.items() if value is not None]


def _source(picture: Path, page: Path, embedded: bool) -> str:
    """Source of an image on the page: embedded data, or a relative path."""
    if not embedded:
        return picture.relative_to(page).as_posix()
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


def gather_timings(results: Path, output: Path) -> None:
    """Write a CSV table of the Snakemake benchmarks below `results`, with one row per job."""
    rows = []
    for path in sorted(results.rglob("*.benchmark.tsv")):
        measured = pd.read_csv(path, sep="\t").iloc[-1]
        stage, *job = path.relative_to(results).parts
        name = "/".join(job).removesuffix(".benchmark.tsv")
        rows.append(
            {
                "stage": stage,
                "job": name,
                "seconds": measured["s"],
                "largest resident memory, MB": measured["max_rss"],
                "mean load, percent": measured["mean_load"],
            }
        )
    with written_whole(output) as (temporary,):
        pd.DataFrame(rows).to_csv(temporary, index=False)
