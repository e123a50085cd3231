"""Files of a volume on the overview page: grouped by what opens them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..volume.attributes import DELIVERABLE

# Groups of files: title, what opens them, and the pattern of what follows the name of the volume.
GROUPS = (
    (
        "Attributes as SEG-Y",
        "Petrel, Kingdom, OpendTect and others, with the settings of the survey",
        r"\.sgy$",
    ),
    (
        "Attributes in the format of the survey",
        "what opens the survey: OpenVDS (.vds), MDIO (.mdio)",
        r"\.(vds|mdio)$",
    ),
    (
        "Fault surfaces",
        "ParaView, PyVista (.vtp); Petrel, SKUA, OpendTect (.ts)",
        r"faults\.(vtp|ts)$",
    ),
    (
        "Fault sticks",
        "Petrel, Kingdom (Charisma format); OpendTect (.odt.txt)",
        r"fault_sticks\.",
    ),
    (
        "Tables of faults",
        "spreadsheets, Python",
        r"(faults|fault_points|fault_throws)\.csv$",
    ),
    (
        "Horizons",
        "Petrel, OpendTect (Irap grids); spreadsheets (table)",
        r"horizon(s|_\d+|_index)\.",
    ),
    ("Volumes in ParaView", "ParaView (.mhd; .vgi with the plug-in)", r"\.(mhd|vgi)$"),
    (
        "Raw volumes",
        "NumPy: little-endian, samples fastest; the sidecar (.json) has the geometry",
        rf"^({'|'.join(DELIVERABLE)}|flat(_\d+)?)(\.json)?$",
    ),
    ("Fault surfaces in Python", "NumPy", r"^fault_surfaces\.npz$"),
    ("Pictures", "any viewer", r"\.(png|svg)$"),
)

OTHER = ("Scores and checks", "spreadsheets, text editors")


@dataclass(frozen=True)
class File:
    """A file: its name, its place relative to the page, and its size as text."""

    name: str
    place: str
    size: str


@dataclass(frozen=True)
class Group:
    """Files that the same programs open."""

    title: str
    opens: str
    files: list[File]


def grouped_files(paths: Iterable[Path], volume: str, page: Path) -> list[Group]:
    """Group the files of a volume by what opens them.

    Args:
        paths: Files.
        volume: Name of the volume.
        page: Folder of the page.
    """
    groups: dict[tuple[str, str], list[File]] = {}
    for path in sorted(paths):
        rest = path.name.removeprefix(f"{volume}.")
        found = next(((t, o) for t, o, p in GROUPS if re.search(p, rest)), OTHER)
        # A map of a horizon is a picture, although its name fits "Horizons".
        if path.suffix in (".png", ".svg"):
            found = ("Pictures", "any viewer")
        size = size_text(_bytes_of(path))
        groups.setdefault(found, []).append(File(path.name, relative(path, page), size))
    order = [(title, opens) for title, opens, _ in GROUPS] + [OTHER]
    return [Group(*key, groups[key]) for key in order if key in groups]


def _bytes_of(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    parts = path.rglob("*") if path.is_dir() else [path]
    return sum(part.stat().st_size for part in parts if part.is_file())


def relative(path: Path, page: Path) -> str:
    """Place of a file relative to the folder of the page, for links."""
    return Path(os.path.relpath(path, page)).as_posix()


def size_text(n_bytes: int) -> str:
    """A number of bytes as a person writes it."""
    size, units = float(n_bytes), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return (
        f"{size:.0f} {units[0]}" if size >= 10 or units[0] == "bytes" else f"{size:.1f} {units[0]}"
    )
