"""ZGY files of Petrel, read by OpenZGY (package pyzgy)."""

from __future__ import annotations

import warnings
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import require_file
from ..volume.axes import grid_axes, sample_axis
from ..volume.conversion import Survey
from ..volume.raw import Shape
from ..volume.units import METRES
from .cube import Cube, library, readable, survey_of_cube

PACKAGE = "pyzgy==0.1.1"


def zgy_survey(path: Path, domain: str, interval: float | None) -> Survey:
    """The survey in a ZGY file.

    Args:
        path: ZGY file.
        domain: time or depth, if the file does not say.
        interval: Sample interval in ms or m, if the file does not say.

    Raises:
        StrataflowError: The library is missing, or the file is damaged.
    """
    require_file(path)
    # It warns of cloud storage and compression that are not there.
    with warnings.catch_warnings(), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        api = library("openzgy.api", PACKAGE, path, "ZGY")
    with readable(path, "ZGY file"):
        reader = api.ZgyReader(str(path))
        n3, n2, n1 = (int(n) for n in reader.size)
        shape = Shape(n1, n2, n3)
        if reader.zunitdim != api.UnitDimension.unknown:
            domain = "time" if reader.zunitdim == api.UnitDimension.time else "depth"
        notes: list[str] = []
        unit = _unit(reader.zunitfactor, "s" if domain == "time" else "m")
        sample = sample_axis(domain, reader.zstart, reader.zinc, unit, interval, notes)
        # ZGY: first inline and crossline, last inline, last crossline, both last.
        given = [(float(x), float(y)) for x, y in reader.corners]
        corners = tuple(given[i] for i in (0, 2, 1, 3)) if np.any(given) else ()
        (first3, first2), (step3, step2) = reader.annotstart, reader.annotinc
        lines = (first3, step3), (first2, step2)
        axes = grid_axes(shape, lines, sample, corners, _unit(reader.hunitfactor, "m"))
        chunk = int(reader.bricksize[0]), int(reader.bricksize[1])
        kind = f"ZGY {reader.datatype.name}"

    def read(inlines: slice, crosslines: slice) -> NDArray[np.float32]:
        size = inlines.stop - inlines.start, crosslines.stop - crosslines.start, n1
        values = np.zeros(size, np.float32)
        with readable(path, "ZGY file"):
            reader.read((inlines.start, crosslines.start, 0), values)
        return values

    cube = Cube(shape, chunk, read)
    return survey_of_cube(path, cube, domain, axes, corners, kind, notes=notes)


def _unit(factor: float, base: str) -> str:
    """Unit that is `factor` times the SI unit `base`; the usual one where that is not known."""
    if base == "s":
        return "s" if factor == 1 else "ms"
    return "ft" if abs(factor - METRES["ft"]) < 1e-3 else "m"
