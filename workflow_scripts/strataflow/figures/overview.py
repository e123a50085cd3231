"""The overview page of all predicted volumes, and the table of run times."""

from __future__ import annotations

import base64
import io
import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from PIL import Image

from .. import __version__
from ..errors import StrataflowError
from ..files import file_checksum, written_whole
from ..volume.attributes import ATTRIBUTES, CONFIDENCE, SPREAD
from ..volume.sidecar import Sidecar, read_sidecar
from ..volume.tables import read_table
from .findings import (
    Seams,
    Table,
    fault_rows,
    fault_sentences,
    horizon_rows,
    scores_of,
    seams_of,
)
from .page_files import Group, grouped_files, relative, size_text

# Maximum number of volumes with embedded pictures; for more volumes, the page links to them.
EMBEDDED_VOLUMES = 20

# Maximum width of embedded pictures in pixels, and their quality as WebP.
PICTURE_WIDTH, PICTURE_QUALITY = 1540, 78

# Pictures wider than this many pixels have several panels.
WIDE = 1000

# Maximum number of maps of horizons on the page, all are in the folder, and their maximum width.
MAPS, MAP_WIDTH = 4, 900

CAPTIONS = {
    "faults": "Picked faults over amplitudes, on the inline, the crossline and the slice that cut "
    "most of them. The numbers and colours are those of the table.",
    "throws": "Throw along strike of the largest faults: mean and range down the dip.",
    "rose": "Strike of the fault voxels. The area of a sector is its share.",
    "rgt": "Relative geologic time over amplitudes: the lines are horizons.",
    "fstrike": "Strike of the faults over amplitudes.",
    "fdip": "Dip of the faults over amplitudes, on the grid of samples and traces.",
    "apparent": "Apparent dip of the faults, in the plane of the line, over amplitudes.",
    "dhr": "Input, denoised image of higher resolution, and their difference.",
    "spectrum": "Mean amplitude spectra before and after denoising.",
    "fsem": "Amplitudes without interpretation, and the fault probability over them.",
    SPREAD: "Spread of the fault probability over the copies that were averaged.",
    CONFIDENCE: "Confidence of relative geologic time over amplitudes. It is low (purple) where "
    "layers converge or end, at faults without a known throw, and without visible reflectors.",
    "seams": "Left: changes at tile borders, divided by those beside them, for each attribute. "
    "Right: change of the prediction if the tiles shift.",
}

# Sections of the page and their pictures, in this order.
GEOLOGY = ("rgt", "fstrike", "fdip", "dhr", "spectrum")
QUALITY = ("fsem", SPREAD, CONFIDENCE)

# Packages whose versions the page names.
PACKAGES = ("torch", "numpy", "scipy", "segyio", "vtk", "pyvista", "snakemake")


@dataclass(frozen=True)
class Picture:
    """A picture: source of the image, caption, the file itself, and whether it has several panels.

    Pictures with panels would be too small on a phone, so they are scrolled there.
    """

    source: str
    caption: str
    place: str
    wide: bool


@dataclass(frozen=True)
class Entry:
    """A predicted volume on the page."""

    name: str
    summary: list[str]
    geometry: list[tuple[str, str]]
    main: list[Picture]
    no_scene: str
    faults: Table | None
    charts: list[Picture]
    horizons: Table | None
    maps: list[Picture]
    geology: list[Picture]
    scores: list[tuple[str, str]]
    seams: Seams | None
    quality: list[Picture]
    files: list[Group]


@dataclass(frozen=True)
class Making:
    """How the results were made.

    Attributes:
        settings: Settings, by their keys in the configuration.
        weights: Weights files.
        timings: Run times, as `gather_timings` gives them.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    weights: Sequence[Path] = ()
    timings: pd.DataFrame | None = None

    @property
    def flat_settings(self) -> list[tuple[str, str]]:
        """Keys as `section.key`, and values as in the configuration."""
        return [
            (f"{section}.{key}", json.dumps(value) if not isinstance(value, str) else value)
            for section, content in sorted(self.settings.items())
            for key, value in sorted(content.items())
        ]

    @property
    def described_weights(self) -> list[tuple[str, str]]:
        """Weights files with size and checksum."""
        return [
            (str(path), f"{size_text(path.stat().st_size)}, XXH3 {file_checksum(path)}")
            for path in self.weights
        ]

    @property
    def run_times(self) -> Table | None:
        """Run times by stage."""
        if self.timings is None or self.timings.empty:
            return None
        memory = "largest resident memory, MB"
        rows = []
        for stage, jobs in self.timings.groupby("stage"):
            numbers = [f"{jobs['seconds'].sum():,.0f}", f"{jobs[memory].max():,.0f}"]
            rows.append([str(stage), str(len(jobs)), *numbers])
        total = f"{self.timings['seconds'].sum():,.0f}"
        rows.append(["all", str(len(self.timings)), total, f"{self.timings[memory].max():,.0f}"])
        return Table(["stage", "jobs", "seconds in total", "largest memory (MB)"], rows)

    @property
    def versions(self) -> list[tuple[str, str]]:
        """Versions of strataflow, Python and the main packages."""
        found = [("strataflow", __version__), ("Python", platform.python_version())]
        for name in PACKAGES:
            try:
                found.append((name, metadata.version(name)))
            except metadata.PackageNotFoundError:
                continue
        return found


def make_overview(folder: Path, template: Path, output: Path, making: Making | None = None) -> None:
    """Write the overview page.

    Args:
        folder: Folder with one subfolder for each volume. What a volume lacks, the page leaves out.
        template: Jinja template of the page.
        output: HTML file to write.
        making: How the results were made, if known.

    Raises:
        StrataflowError: The folder has no predicted volumes, or a file of results is damaged.
    """
    sidecars = {
        path.parent: path for name in ATTRIBUTES for path in folder.glob(f"*/*.{name}.json")
    }
    if not sidecars:
        raise StrataflowError(f"{folder}: no predicted volumes found, expected NAME/NAME.fsem.json")
    embedded = len(sidecars) <= EMBEDDED_VOLUMES
    entries = [_entry(path, output.parent, embedded) for _, path in sorted(sidecars.items())]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(template.read_text()).render(
        entries=entries, making=making or Making()
    )
    with written_whole(output) as (temporary,):
        temporary.write_text(page)


def _entry(sidecar_file: Path, page: Path, embedded: bool) -> Entry:
    """Entry of the volume to which a sidecar belongs."""
    place, sidecar = sidecar_file.parent, read_sidecar(sidecar_file.with_suffix(""))
    name = sidecar_file.name.removesuffix(f".{sidecar.attribute}.json")
    own = _Folder(place, name, page, embedded, sidecar.is_line)
    faults = own.table(f"{name}.faults.csv")
    horizons = own.table(f"{name}.horizons.csv")
    seams = own.table("seams.csv")
    scene, no_scene = own.scene()
    summary = fault_sentences(faults, sidecar) if faults is not None else []
    if horizons is not None:
        count = len(horizon_rows(horizons, sidecar).rows)
        summary.append(f"{count} horizons were extracted from relative geologic time.")
    return Entry(
        name=name,
        summary=summary,
        geometry=_geometry(sidecar),
        main=[*own.pictures(("faults",)), *scene],
        no_scene=no_scene,
        faults=fault_rows(faults, sidecar) if faults is not None and len(faults) else None,
        charts=own.pictures(("rose", "throws")),
        horizons=horizon_rows(horizons, sidecar) if horizons is not None else None,
        maps=own.maps(),
        geology=own.pictures(GEOLOGY),
        scores=scores_of(place / "metrics.json"),
        seams=seams_of(seams) if seams is not None else None,
        quality=[*own.pictures(QUALITY), *own.pictures(("seams",), "")],
        files=grouped_files(_files_in(place), name, page),
    )


def _files_in(folder: Path) -> list[Path]:
    """Files of a folder, and MDIO stores, which are folders."""
    return [path for path in folder.iterdir() if path.is_file() or path.suffix == ".mdio"]


def _geometry(sidecar: Sidecar) -> list[tuple[str, str]]:
    geometry = []
    for name, axis, n in zip(sidecar.axis_names, sidecar.axes, sidecar.shape.array, strict=True):
        last = axis.first + axis.step * (n - 1)
        spacing = f"{axis.spacing:g} {axis.unit}"
        geometry.append((name, f"{axis.first:.10g} to {last:.10g}, {n} in total, {spacing} apart"))
    geometry.append(("live traces", f"{int(sidecar.live.sum())} of {sidecar.live.size}"))
    geometry.append(("survey", sidecar.source_file or "unknown"))
    return geometry


@dataclass(frozen=True)
class _Folder:
    """Folder of a volume, and the page that shows it."""

    place: Path
    name: str
    page: Path
    embedded: bool
    is_line: bool

    def table(self, name: str) -> pd.DataFrame | None:
        """A table, if it exists."""
        path = self.place / name
        return read_table(path) if path.is_file() else None

    def pictures(self, names: Iterable[str], prefix: str | None = None) -> list[Picture]:
        """Those of the pictures `names` that exist, with their captions."""
        start = f"{self.name}." if prefix is None else prefix
        paths = {name: self.place / f"{start}{name}.png" for name in names}
        captions = CAPTIONS | ({"fdip": CAPTIONS["apparent"]} if self.is_line else {})
        return [self.picture(p, captions[name]) for name, p in paths.items() if p.is_file()]

    def picture(self, path: Path, caption: str, most: int = PICTURE_WIDTH) -> Picture:
        """A picture, embedded with at most `most` pixels in width, or linked."""
        place = relative(path, self.page)
        source, width = embedded_picture(path, most)
        return Picture(source if self.embedded else place, caption, place, width > WIDE)

    def maps(self) -> list[Picture]:
        """Maps of horizons, evenly spaced over all that exist."""
        found = sorted(self.place.glob(f"{self.name}.horizon_*.png"))
        step = -(-len(found) // MAPS) if found else 1
        return [
            self.picture(path, f"Horizon {int(path.name.split('.')[-2][-2:])}.", MAP_WIDTH)
            for path in found[::step]
        ]

    def scene(self) -> tuple[list[Picture], str]:
        """The 3D scene with its caption, or why there is none."""
        path = self.place / f"{self.name}.scene.json"
        if not path.is_file():
            return [], ""
        try:
            described = json.loads(path.read_text())
            shown = [f"{described['faults']} fault surfaces", *described["sections"]]
            if described["horizon"]:
                shown.append(str(described["horizon"]).replace("_", " "))
            reason, picture = described["reason"], described["picture"]
            caption = f"In 3D: {', '.join(shown)}. {described['scale']}."
        except (ValueError, KeyError, TypeError) as error:
            raise StrataflowError(f"{path}: not a description of a scene ({error})") from error
        file = self.place / str(picture)
        if picture and file.is_file():
            return [replace(self.picture(file, caption), wide=False)], ""
        return [], f"There is no picture in 3D: {reason or 'the file is missing'}."


def embedded_picture(path: Path, most: int = PICTURE_WIDTH) -> tuple[str, int]:
    """A picture as a WebP data URL, at most `most` pixels wide, and the width of the file.

    Raises:
        StrataflowError: The file is not a picture.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except OSError as error:
        raise StrataflowError(f"{path}: not a picture ({error})") from error
    width = picture.width
    if width > most:
        height = round(picture.height * most / picture.width)
        picture = picture.resize((most, height), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=PICTURE_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode(), width


def gather_timings(results: Path, output: Path) -> pd.DataFrame:
    """Write a CSV table of the Snakemake benchmarks below `results`, with one row per job.

    Returns:
        The table.
    """
    columns = ["stage", "job", "seconds", "largest resident memory, MB", "mean load, percent"]
    rows = []
    for path in sorted(results.rglob("*.benchmark.tsv")):
        measured = pd.read_csv(path, sep="\t").iloc[-1]
        stage, *job = path.relative_to(results).parts
        name = "/".join(job).removesuffix(".benchmark.tsv")
        numbers = (measured[column] for column in ("s", "max_rss", "mean_load"))
        rows.append([stage, name, *numbers])
    table = pd.DataFrame(rows, columns=columns)
    with written_whole(output) as (temporary,):
        table.to_csv(temporary, index=False)
    return table
