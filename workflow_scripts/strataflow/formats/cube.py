"""Surveys that are stored as a regular cube, in chunks."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..volume.axes import LINE_NOTE
from ..volume.conversion import CLIP_SAMPLES, Block, Survey
from ..volume.raw import Shape
from ..volume.sidecar import LINE, Axis

# Maximum size in bytes of the traces that are read together, if the format leaves the choice.
BLOCK_BYTES = 1 << 28

# Number of columns of chunks that clip limits are determined from.
COLUMNS = 16


@dataclass(frozen=True)
class Cube:
    """Samples of a survey on its grid.

    Attributes:
        shape: Size of the volume.
        chunk: Inlines and crosslines that the format stores together.
        read: Reads the traces (inlines, crosslines, n1) of two slices, as float32 that the caller
            may change.
    """

    shape: Shape
    chunk: tuple[int, int]
    read: Callable[[slice, slice], NDArray[np.float32]]

    def columns(self) -> list[tuple[slice, slice]]:
        """Slices of inlines and crosslines that are read together, and cover the survey."""
        shape = self.shape
        c3, c2 = (min(c, n) for c, n in zip(self.chunk, (shape.n3, shape.n2), strict=True))
        c2 = max(min(c2, BLOCK_BYTES // (4 * shape.n1)), 1)
        c3 = max(min(c3, BLOCK_BYTES // (4 * shape.n1 * c2)), 1)
        return [
            (slice(i3, min(i3 + c3, shape.n3)), slice(i2, min(i2 + c2, shape.n2)))
            for i3 in range(0, shape.n3, c3)
            for i2 in range(0, shape.n2, c2)
        ]

    def column(self, inlines: slice, crosslines: slice) -> Block:
        """Indices and samples (N, n1) of the traces in two slices."""
        i3 = np.arange(inlines.start, inlines.stop)[:, None]
        i2 = np.arange(crosslines.start, crosslines.stop)
        samples = self.read(inlines, crosslines).reshape(-1, self.shape.n1)
        return (i3 * self.shape.n2 + i2).ravel(), samples

    def blocks(self) -> Iterator[Block]:
        """Read all traces, column by column."""
        for inlines, crosslines in self.columns():
            yield self.column(inlines, crosslines)

    def spread(self) -> Block:
        """Read traces of evenly spaced columns."""
        columns = self.columns()
        chosen = columns[:: -(-len(columns) // COLUMNS)]
        largest = CLIP_SAMPLES // (len(chosen) * self.shape.n1)
        traces, samples = [], []
        for inlines, crosslines in chosen:
            which, values = self.column(inlines, crosslines)
            step = max(-(-len(values) // max(largest, 1)), 1)
            assert isinstance(which, np.ndarray)
            traces.append(which[::step])
            samples.append(values[::step].copy())
        return np.concatenate(traces), np.concatenate(samples)


def survey_of_cube(
    path: Path,
    cube: Cube,
    domain: str,
    axes: tuple[Axis, Axis, Axis],
    corners: tuple[tuple[float, float], ...],
    source_format: str,
    live: NDArray[np.bool_] | None = None,
    track: tuple[tuple[float, float], ...] = (),
    notes: list[str] | None = None,
) -> Survey:
    """The survey of a cube.

    Args:
        path: The file.
        cube: Its samples.
        domain: time or depth.
        axes: Axes of (n3, n2, n1).
        corners: CDP coordinates of the corners as in a sidecar; empty without coordinates.
        source_format: Format in words.
        live: Live traces (n3, n2), if known.
        track: For a 2D line, coordinates of each trace.
        notes: What the user should know.

    Raises:
        StrataflowError: The cube is empty.
    """
    shape, notes = cube.shape, list(notes or [])
    if min(shape.array) < 1:
        raise StrataflowError(f"{path}: empty: {shape}")
    traces = shape.n3 * shape.n2
    if not corners:
        notes.append("no coordinates in the file: x, y and azimuths are left out")
    if axes[0].name == LINE:
        notes.append(LINE_NOTE)
    return Survey(
        path=path,
        shape=shape,
        domain=domain,
        axes=axes,
        corners=corners,
        place=np.arange(traces),
        null=np.zeros(traces, bool) if live is None else ~live.ravel(),
        blocks=cube.blocks,
        spread=cube.spread,
        source={"survey": str(path), "format": source_format},
        track=track,
        notes=notes,
    )


def library(module: str, package: str, path: Path, kind: str) -> Any:
    """Import the library that reads a format.

    Raises:
        StrataflowError: It is not installed. The message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = package.partition("==")[0]
        raise StrataflowError(
            f"{path}: {kind} needs the package {name}; install it with: pip install {package}"
        ) from None


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn any error of a library that reads `path` into a StrataflowError of one line."""
    try:
        yield
    except (StrataflowError, MemoryError):
        raise
    except Exception as error:  # the libraries raise what they like
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StrataflowError(f"{path}: not a readable {kind}: {reason}") from None
