"""Sidecars: geometry, statistics and checksums of raw volumes, as JSON.

`X.bin` has the sidecar `X.json`; a prediction `X.fsem` has `X.fsem.json`.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from xxhash import xxh3_64_hexdigest

from ..errors import StrataflowError
from ..files import require_format
from .amplitudes import AmplitudeStatistics
from .attributes import WHOLE_NUMBERS
from .raw import Shape, read_cube, require_size

FORMAT = "strataflow volume 1"

# Names of the axes n3 and n2 of a 2D line.
LINE, CDP = "line", "CDP"

# Area of a bin, in the square of the unit of coordinates, below which traces make no grid.
FLAT = 1e-12


@dataclass(frozen=True)
class Axis:
    """One axis of a survey.

    Attributes:
        name: inline, crossline or sample; line and CDP along n3 and n2 of a 2D line.
        first: First line number along n3 and n2, first time or depth along n1.
        step: Step to the next line number, time or depth.
        spacing: Distance between neighbours in `unit`.
        unit: ms, m or ft along n1; m or ft along n2 and n3, or an angular unit if the coordinates
            are angles.
    """

    name: str
    first: float
    step: float
    spacing: float
    unit: str


@dataclass(frozen=True)
class HeaderBytes:
    """Byte positions of line numbers and coordinates in the trace header (SEG-Y revision 1).

    A position may name its type, as in "217:int32".
    """

    iline: int | str = 189
    xline: int | str = 193
    cdp_x: int | str = 181
    cdp_y: int | str = 185


@dataclass(frozen=True)
class Sidecar:
    """Geometry and metadata of a raw volume.

    Attributes:
        attribute: image, or the name of an attribute.
        shape: Size of the volume.
        domain: time or depth.
        axes: Axes of (n3, n2, n1).
        corners: CDP coordinates (x, y) at the first inline and first crossline, first and last,
            last and first, last and last; empty if the survey has no coordinates.
        source: The source file and its format.
        amplitudes: Statistics for normalisation, if known.
        live: Live traces, bool (n3, n2).
        checksums: 64-bit XXH3 of each inline of the finished file; empty if unknown.
        track: For a 2D line, coordinates (x, y) of each trace along n2; empty if there are none.
        normalisation: Of a prediction, the statistics that normalised its input, if known.
    """

    attribute: str
    shape: Shape
    domain: str
    axes: tuple[Axis, Axis, Axis]
    corners: tuple[tuple[float, float], ...]
    source: dict[str, Any]
    amplitudes: AmplitudeStatistics | None
    live: NDArray[np.bool_]
    checksums: tuple[str, ...] = ()
    track: tuple[tuple[float, float], ...] = ()
    normalisation: AmplitudeStatistics | None = None

    @property
    def is_line(self) -> bool:
        """Whether this is a 2D line: no strike, and dip is apparent."""
        return self.axes[0].name == LINE

    @property
    def source_file(self) -> str | None:
        """Path of the source file, if known."""
        return self.source.get("segy") or self.source.get("survey")

    @property
    def dtype(self) -> str:
        """Type of the samples on disk: little-endian float32, or int32 for numbers of faults."""
        return "<i4" if self.attribute in WHOLE_NUMBERS else "<f4"

    @property
    def axis_names(self) -> tuple[str, str, str]:
        """Names of the axes (n3, n2, n1); the name of n1 is time or depth."""
        return (self.axes[0].name, self.axes[1].name, self.domain)

    def places(self, at: NDArray) -> dict[str, NDArray[np.float64]]:
        """Line numbers, CDP coordinates and time or depth of indices (3, N) along (n3, n2, n1).

        Coordinates are NaN if the survey has none.
        """
        inline, crossline, vertical = (
            axis.first + axis.step * index for axis, index in zip(self.axes, at, strict=True)
        )
        x, y = self._coordinates(at)
        line, trace = self.axis_names[:2]
        return {line: inline, trace: crossline, "x": x, "y": y, self.domain: vertical}

    def _coordinates(self, at: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """CDP coordinates of indices (3, N), on a 2D line between its traces."""
        if self.track:
            along = np.asarray(at[1], np.float64)
            x, y = (np.interp(along, np.arange(len(self.track)), c) for c in np.array(self.track).T)
            return x, y
        origin, along3, along2 = self.lattice()
        x, y = (o + a * at[0] + b * at[1] for o, a, b in zip(origin, along3, along2, strict=True))
        return x, y

    def azimuth(self, strike: ArrayLike) -> NDArray[np.float64]:
        """Azimuth clockwise from north, 0 to 180 degrees, of a `strike` in degrees on the grid.

        NaN without coordinates, and on a 2D line.
        """
        if self.is_line:
            return np.full(np.shape(strike), np.nan)
        _, along3, along2 = self.lattice()
        phi = np.radians(strike)
        east, north = (
            np.cos(phi) * a + np.sin(phi) * b for a, b in zip(along3, along2, strict=True)
        )
        return np.degrees(np.arctan2(east, north)) % 180

    def lattice(self) -> tuple[NDArray[np.float64], ...]:
        """CDP coordinates of the first trace, and the steps to the next inline and crossline.

        NaN if the survey has no coordinates.
        """
        if not self.corners:
            unknown = np.full(2, np.nan)
            return (unknown, unknown, unknown)
        origin, last2, last3 = (np.array(self.corners[i]) for i in (0, 1, 2))
        return (
            origin,
            (last3 - origin) / max(self.shape.n3 - 1, 1),
            (last2 - origin) / max(self.shape.n2 - 1, 1),
        )

    def map_lattice(self) -> tuple[NDArray[np.float64], ...]:
        """The same as `lattice`; without coordinates over crossline and inline numbers."""
        if self.corners:
            return self.lattice()
        inline, crossline = self.axes[:2]
        return (
            np.array([crossline.first, inline.first], np.float64),
            np.array([0.0, inline.step]),
            np.array([crossline.step, 0.0]),
        )

    def map_indices(self, places: NDArray) -> NDArray[np.float64]:
        """Indices (2, N) along (n3, n2) of what `map_places` gives, x and y (2, N).

        A survey of one line has indices along a step across it. NaN if its places make no grid.
        """
        origin, step3, step2 = self.map_lattice()
        for step, other in ((step3, step2), (step2, step3)):
            if not step.any():
                step[:] = -other[1], other[0]
        matrix = np.stack([step3, step2], axis=1)
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < FLAT:
            return np.full(np.shape(places), np.nan)
        return np.asarray(np.linalg.solve(matrix, places - origin[:, None]), np.float64)

    def map_places(self, at: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates (x, y) of indices (3, N), or crossline and inline numbers without any.

        For files that must have two coordinates.
        """
        places = self.places(at)
        inline, crossline = self.axis_names[:2]
        names = ("x", "y") if self.corners else (crossline, inline)
        return places[names[0]], places[names[1]]

    def of_attribute(self, attribute: str) -> Sidecar:
        """The sidecar of an attribute predicted from this volume."""
        return replace(
            self,
            attribute=attribute,
            amplitudes=None,
            checksums=(),
            normalisation=self.normalisation or self.amplitudes,
        )


def plane_checksum(plane: NDArray[np.float32]) -> str:
    """64-bit XXH3 of an inline (n2, n1) as it is on disk."""
    return xxh3_64_hexdigest(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).data)


def sidecar_path(raw: Path) -> Path:
    """Path of the sidecar of a raw volume."""
    return raw.with_suffix(".json") if raw.suffix == ".bin" else raw.with_name(raw.name + ".json")


def plain_sidecar(shape: Shape, attribute: str) -> Sidecar:
    """Default sidecar: lines counted from 1, with a spacing of 1."""
    axes = (
        Axis("inline", 1, 1, 1.0, "m"),
        Axis("crossline", 1, 1, 1.0, "m"),
        Axis("sample", 0.0, 1.0, 1.0, "ms"),
    )
    last = (float(shape.n3 - 1), float(shape.n2 - 1))
    corners = ((0.0, 0.0), (0.0, last[1]), (last[0], 0.0), last)
    live = np.ones((shape.n3, shape.n2), bool)
    return Sidecar(attribute, shape, "time", axes, corners, {}, None, live)


def write_sidecar(path: Path, sidecar: Sidecar, raw: Path) -> None:
    """Write `sidecar`, with the checksums of the finished file `raw`, as JSON to `path`."""
    checksums = tuple(
        plane_checksum(inline) for inline in read_cube(raw, sidecar.shape, sidecar.dtype)
    )
    path.write_text(json.dumps(_to_json(replace(sidecar, checksums=checksums)), indent=1) + "\n")


def _to_json(sidecar: Sidecar) -> dict[str, Any]:
    shape, axes = sidecar.shape, sidecar.axes
    live = sidecar.live.ravel()
    starts = np.flatnonzero(np.diff(live)) + 1
    runs = np.diff(np.concatenate([[0], starts, [live.size]])).tolist()
    return {
        "format": FORMAT,
        "attribute": sidecar.attribute,
        "datatype": "int32" if sidecar.dtype == "<i4" else "float32",
        "n1": shape.n1,
        "n2": shape.n2,
        "n3": shape.n3,
        "domain": sidecar.domain,
        "axes": {f"n{3 - i}": asdict(axis) for i, axis in enumerate(axes)},
        "corners": [list(corner) for corner in sidecar.corners],
        "source": sidecar.source,
        "amplitudes": asdict(sidecar.amplitudes) if sidecar.amplitudes else None,
        # Alternating counts of live and dead traces, in the order of the volume.
        "live_runs": runs if live[0] else [0, *runs],
        "checksums": list(sidecar.checksums),
        **({"track": [list(place) for place in sidecar.track]} if sidecar.track else {}),
        **({"normalisation": asdict(sidecar.normalisation)} if sidecar.normalisation else {}),
    }


def read_sidecar(raw: Path) -> Sidecar:
    """Read the sidecar of the raw volume `raw`.

    Raises:
        StrataflowError: It is invalid, inconsistent, or does not match the size of `raw`.
    """
    path = sidecar_path(raw)
    try:
        content = json.loads(path.read_text())
        require_format(path, content.get("format", FORMAT), FORMAT)
        shape = Shape(*(_whole(content[n]) for n in ("n1", "n2", "n3")))
        if min(shape.array) < 1:
            raise StrataflowError(f"{path}: invalid size {shape}, expected at least 1 each")
        # Check the file size first, before anything of the stated size is allocated.
        require_size(raw, shape)
        runs = [_whole(run) for run in content["live_runs"]]
        if min(runs) < 0 or sum(runs) != shape.n2 * shape.n3:
            raise StrataflowError(
                f"{path}: live_runs: expected {shape.n2 * shape.n3} traces for {shape}, "
                f"got {sum(runs)}"
            )
        checksums = tuple(str(checksum) for checksum in content.get("checksums", ()))
        if len(checksums) not in (0, shape.n3):
            raise StrataflowError(
                f"{path}: checksums: expected {shape.n3}, one per inline, got {len(checksums)}"
            )
        track = tuple((_finite(x), _finite(y)) for x, y in content.get("track", ()))
        if len(track) not in (0, shape.n2):
            raise StrataflowError(
                f"{path}: track: expected {shape.n2}, one per trace, got {len(track)}"
            )
        amplitudes, normalisation = content["amplitudes"], content.get("normalisation")
        return Sidecar(
            attribute=str(content["attribute"]),
            shape=shape,
            domain=str(content["domain"]),
            axes=(
                _axis(content["axes"]["n3"]),
                _axis(content["axes"]["n2"]),
                _axis(content["axes"]["n1"]),
            ),
            corners=_corners(content["corners"]),
            source=dict(content["source"]),
            amplitudes=_statistics(amplitudes) if amplitudes else None,
            live=np.repeat(np.arange(len(runs)) % 2 == 0, runs).reshape(shape.n3, shape.n2),
            checksums=checksums,
            track=track,
            normalisation=_statistics(normalisation) if normalisation else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StrataflowError(f"{path}: not a strataflow sidecar ({error})") from error


def _whole(number: Any) -> int:
    if type(number) is not int:
        raise ValueError(f"expected a whole number, got {number!r}")
    return number


def _finite(number: Any) -> float:
    if isinstance(number, bool) or not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {number!r}")
    return float(number)


def _axis(content: dict[str, Any]) -> Axis:
    axis = Axis(**content)
    _finite(axis.first)
    if _finite(axis.spacing) <= 0 or _finite(axis.step) == 0:
        raise ValueError(
            f"{axis.name}: expected spacing above 0 and step other than 0, "
            f"got spacing {axis.spacing}, step {axis.step}"
        )
    return axis


def _corners(content: list[Any]) -> tuple[tuple[float, float], ...]:
    corners = tuple((_finite(x), _finite(y)) for x, y in content)
    if len(corners) not in (0, 4):
        raise ValueError(f"corners: expected 4 or none, got {len(corners)}")
    return corners


def _statistics(content: dict[str, Any]) -> AmplitudeStatistics:
    numbers = {name: _finite(number) for name, number in content.items()}
    return AmplitudeStatistics(**numbers)
