"""Names of horizons and of volumes flattened on them, and files that the sample sheet names.

The workflow reads these for every job, so this module imports little.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import StrataflowError
from ..volume.attributes import FLAT


def horizon_names(count: int) -> list[str]:
    """Names of `count` horizons, shallowest first."""
    return [f"horizon_{number:02d}" for number in range(1, count + 1)]


def flat_names(wanted: Sequence[int | str]) -> list[str]:
    """Names of flattened volumes: flat for `time`, flat_03 for horizon 3."""
    return [FLAT if one == "time" else f"{FLAT}_{one:02d}" for one in wanted]


def control_paths(text: str) -> list[Path]:
    """Files and folders of a cell of the sample sheet, separated by `;`.

    Raises:
        StrataflowError: One is missing.
    """
    paths = [Path(part.strip()).expanduser() for part in text.split(";") if part.strip()]
    for path in paths:
        if not path.exists():
            raise StrataflowError(f"{path}: no such file or folder")
    return paths


def control_file(text: str) -> Path:
    """The file of control points in a cell of the sample sheet.

    Raises:
        StrataflowError: It is missing, a folder, or one of several.
    """
    paths = control_paths(text)
    if len(paths) != 1 or paths[0].is_dir():
        raise StrataflowError(f"{text}: expected one file; put all sets of points into it")
    return paths[0]


def horizon_paths(text: str) -> list[Path]:
    """Files of a cell of the sample sheet, and those in its folders except hidden ones.

    Raises:
        StrataflowError: A file or folder is missing, or a folder is empty.
    """
    paths: list[Path] = []
    for part in control_paths(text):
        files = [part]
        if part.is_dir():
            files = sorted(p for p in part.iterdir() if p.is_file() and p.name[0] != ".")
        if not files:
            raise StrataflowError(f"{part}: no files in this folder")
        paths += files
    return paths
