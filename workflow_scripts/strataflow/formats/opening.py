"""A survey of any format, by the ending of its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import StrataflowError
from ..segy.binary_header import ENDINGS
from ..segy.layout import is_segy, read_layout
from ..segy.reader import segy_survey
from ..volume.conversion import Survey, survey_to_binary
from ..volume.raw import Shape, require_expected
from ..volume.sidecar import HeaderBytes, sidecar_path
from .arrays import npy_survey, raw_survey
from .mdio import mdio_survey
from .vds import vds_survey
from .zgy import zgy_survey

# Formats that are known by their ending. Any other file is a raw volume if its size is given or it
# has a sidecar, and SEG-Y otherwise.
READERS: dict[str, Callable[[Path, str, float | None], Survey]] = {
    ".npy": npy_survey,
    ".zgy": zgy_survey,
    ".vds": vds_survey,
    ".mdio": mdio_survey,
    ".zarr": mdio_survey,
}


# Number of traces from which a file is first looked at in part, and of traces that are looked at.
MOST_OF_LINE, SEVERAL = 20_000, 64


@dataclass(frozen=True)
class Reading:
    """How to read a survey.

    Attributes:
        where: Byte positions of line numbers and coordinates in SEG-Y.
        domain: time or depth, where the file does not say.
        shape: Size of a raw volume; of other formats the size to require.
        interval: Sample interval in ms, m or ft, where the file does not say.
    """

    where: HeaderBytes = field(default_factory=HeaderBytes)
    domain: str = "time"
    shape: Shape | None = None
    interval: float | None = None


def is_raw(path: Path, shape: Shape | None) -> bool:
    """Whether a file is read as a raw volume: its size is given, or it has a sidecar."""
    ending = path.suffix.lower()
    if ending in READERS or ending in ENDINGS:
        return False
    return sidecar_path(path).is_file() or (shape is not None and not is_segy(path))


def has_segy_headers(place: str, has_size: bool) -> bool:
    """Whether a survey, a path or a URL, is SEG-Y, whose headers predictions can take over.

    Args:
        place: Path or URL. The file need not exist yet.
        has_size: Whether the user gives its size, as for raw volumes.
    """
    path = Path(place)
    ending = path.suffix.lower()
    if ending in READERS:
        return False
    if path.is_file():
        return not is_raw(path, Shape(1, 1, 1) if has_size else None)
    return ending in ENDINGS or not has_size


def open_survey(path: Path, reading: Reading) -> Survey:
    """The survey of a file, in the format that its ending says.

    Raises:
        StrataflowError: The file is missing or damaged, is not a stacked survey, needs a library
            that is not installed, or has another size than `reading` says.
    """
    survey = _opened(path, reading)
    require_expected(path, survey.shape, reading.shape)
    return survey


def _opened(path: Path, reading: Reading) -> Survey:
    ending = path.suffix.lower()
    if ending in READERS:
        return READERS[ending](path, reading.domain, reading.interval)
    if ending in (".npz", ".mat", ".h5", ".hdf5"):
        raise StrataflowError(f"{path}: {ending} is not supported; save the array as .npy")
    if is_raw(path, reading.shape):
        return raw_survey(path, reading.shape, reading.domain, reading.interval)
    return segy_survey(path, reading.where, reading.domain, reading.interval)


def is_line(path: Path, reading: Reading) -> bool:
    """Whether a survey is a 2D line, told before any job runs, without reading a large 3D survey.

    A SEG-Y file of many traces with several inline numbers is taken for 3D. A file that is missing
    or cannot be read is no line here; its conversion gives the reason. Nor is an OpenVDS file,
    which takes too long to open.
    """
    if not path.exists() or path.suffix.lower() == ".vds":
        return False
    try:
        if has_segy_headers(str(path), reading.shape is not None):
            layout = read_layout(path)
            step = max(layout.traces // SEVERAL, 1)
            numbers = layout.field(np.array(layout.map()["header"][::step]), reading.where.iline)
            if layout.traces > MOST_OF_LINE and np.ptp(numbers) > 0:
                return False
        return open_survey(path, reading).is_line
    except StrataflowError:
        return False


def convert_survey(path: Path, output: Path, reading: Reading, attribute: str = "image") -> None:
    """Convert a survey of any format to a raw volume with its sidecar.

    Args:
        path: The survey.
        output: Raw volume to write.
        reading: How to read it.
        attribute: image, or the attribute that the samples hold.

    Raises:
        StrataflowError: See `open_survey` and `survey_to_binary`.
    """
    survey_to_binary(open_survey(path, reading), output, attribute)
