"""Conversion of a survey in any format to a raw volume and its sidecar, in one streaming pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..files import begin_writeback, require_free_space, written_whole
from .amplitudes import RunningStatistics, clip_limits
from .attributes import ATTRIBUTES, WHOLE_NUMBERS
from .raw import Shape
from .sidecar import LINE, Axis, Sidecar, sidecar_path, write_sidecar

logger = logging.getLogger(__name__)

# Number of samples from evenly spaced traces that determine the clip limits.
CLIP_SAMPLES = 1 << 21

# A null value makes up more than this share of the samples and exceeds the 99.9th percentile of the
# other magnitudes by this factor.
NULL_SHARE, NULL_FACTOR = 1e-3, 5.0

Block = tuple[slice | NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class Survey:
    """A survey whose traces lie on a grid and are read in blocks.

    Attributes:
        path: The file.
        shape: Size of the volume.
        domain: time or depth.
        axes: Axes of (n3, n2, n1).
        corners: CDP coordinates of the corners as in a sidecar; empty without coordinates.
        track: For a 2D line, coordinates of each trace; empty otherwise.
        place: Grid position i3 * n2 + i2 of each trace; -1 for null traces without one.
        null: Traces that are known to be null.
        blocks: Reads all traces: yields the indices of some traces, and their samples (N, n1),
            which the caller may change.
        spread: Reads evenly spaced traces: their indices, and their samples (N, n1).
        source: Description of the source for the sidecar.
        notes: What the user should know, one line each.
    """

    path: Path
    shape: Shape
    domain: str
    axes: tuple[Axis, Axis, Axis]
    corners: tuple[tuple[float, float], ...]
    place: NDArray[np.int64]
    null: NDArray[np.bool_]
    blocks: Callable[[], Iterator[Block]]
    spread: Callable[[], Block]
    source: dict[str, Any]
    track: tuple[tuple[float, float], ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def is_line(self) -> bool:
        """Whether this is a 2D line."""
        return self.axes[0].name == LINE


@dataclass
class _Counts:
    """What a conversion finds in the traces."""

    statistics: RunningStatistics
    null: NDArray[np.bool_]
    live: NDArray[np.bool_]
    filler: float | None
    filled: int = 0


def survey_to_binary(survey: Survey, output: Path, attribute: str = "image") -> None:
    """Convert a survey to a raw volume with its sidecar.

    Null traces take part in nothing: the sidecar marks them as dead, like missing ones, and both
    are written as zeros. Null are traces that the survey knows as such, and constant traces of an
    image. Samples with a null value (such as -999.25), NaN and infinite samples are set to zero,
    or to NaN in labels, where they are unknown. All are counted and reported.

    Args:
        survey: Survey to convert.
        output: Raw volume to write.
        attribute: image, or the attribute that the samples hold.

    Raises:
        StrataflowError: The file is damaged, or is an image with constant amplitudes.
    """
    path, shape = survey.path, survey.shape
    require_free_space(output.parent, shape.n_bytes)
    looked_at = _spread_live(survey)
    filler = null_value(looked_at)
    counts = _Counts(
        RunningStatistics(*_clip_limits(looked_at, filler)),
        survey.null.copy(),
        np.zeros(shape.n3 * shape.n2, bool),
        filler,
    )
    with written_whole(sidecar_path(output), output) as (beside, raw):
        _write_samples(survey, raw, attribute, counts)
        if attribute == "image":
            counts.statistics.require_contrast(str(path))
        write_sidecar(beside, _sidecar(survey, attribute, counts), raw)
    _report(survey, counts, "unknown (NaN)" if attribute in ATTRIBUTES else "set to 0")


def _write_samples(survey: Survey, raw: Path, attribute: str, counts: _Counts) -> None:
    """Write all traces to `raw`, and fill `counts`."""
    kind = "<i4" if attribute in WHOLE_NUMBERS else "<f4"
    is_label = attribute in ATTRIBUTES
    with open(raw, "wb") as stream, ThreadPoolExecutor(1) as writer:
        stream.truncate(survey.shape.n_bytes)
        written: Future[None] | None = None
        for traces, samples in survey.blocks():
            alive = ~counts.null[traces]
            # Labels may be constant throughout a trace without being dead.
            if attribute in ("image", "dhr"):
                alive &= ~is_constant(samples)
            counts.null[traces] = ~alive
            samples[~alive] = 0
            unknown = _unknown(samples, counts.filler) & alive[:, None] if is_label else None
            if counts.filler is not None:
                counts.filled += _blank(samples, counts.filler)
            counts.statistics.clean(samples)
            counts.statistics.add(samples if alive.all() else samples[alive])
            if unknown is not None:
                samples[unknown] = np.nan
            place = survey.place[traces]
            placed = place >= 0
            counts.live[place[placed]] = alive[placed]
            if written:
                written.result()
            values = samples[placed].astype(kind, copy=False)
            written = writer.submit(_write, stream, values, place[placed])
        if written:
            written.result()


def _sidecar(survey: Survey, attribute: str, counts: _Counts) -> Sidecar:
    shape, statistics = survey.shape, counts.statistics
    found = {
        "traces": survey.place.size,
        "null_traces": int(np.count_nonzero(counts.null)),
        "bad_samples": statistics.bad,
        "null_value": counts.filler,
        "null_samples": counts.filled,
    }
    return Sidecar(
        attribute=attribute,
        shape=shape,
        domain=survey.domain,
        axes=survey.axes,
        corners=survey.corners,
        source=survey.source | found,
        amplitudes=statistics.result() if statistics.count else None,
        live=counts.live.reshape(shape.n3, shape.n2),
        track=survey.track,
    )


def _report(survey: Survey, counts: _Counts, became: str) -> None:
    """Log what was found, one line each; null values, NaN and infinite samples `became` that."""
    path, shape = survey.path, survey.shape
    missing = shape.n3 * shape.n2 - int(np.count_nonzero(survey.place >= 0))
    dead = np.count_nonzero(~counts.live)
    traces = survey.place.size
    logger.info(
        "%s: %s, %d traces, %d missing, %d dead or missing", path, shape, traces, missing, dead
    )
    notes = list(survey.notes)
    if counts.null.any():
        notes.append(
            f"{np.count_nonzero(counts.null)} null traces (coded as dead or constant) take no part"
        )
    if counts.filled:
        notes.append(f"{counts.filled} samples with the null value {counts.filler:g} {became}")
    if counts.statistics.bad:
        notes.append(f"{counts.statistics.bad} NaN or infinite samples {became}")
    for note in notes:
        logger.info("%s: %s", path, note)


def is_constant(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which traces (N, n1) have only one value, or none that is finite.

    A trace of one sample counts only if that is 0 or not finite.
    """
    first = samples[:, 0]
    if samples.shape[1] == 1:
        return (first == 0) | ~np.isfinite(first)
    middle, last = samples[:, samples.shape[1] // 2], samples[:, -1]
    constant = ((first == middle) & (first == last)) | ~(np.isfinite(first) | np.isfinite(last))
    # Few traces are left to compare in full.
    some = samples[constant]
    constant[constant] = (some == some[:, :1]).all(axis=1) | ~np.isfinite(some).any(axis=1)
    return constant


def null_value(traces: NDArray[np.float32]) -> float | None:
    """A value that stands for missing samples within live traces, such as -999.25 or 1e30.

    It repeats exactly and lies far outside the other values. None if there is none.

    Args:
        traces: Live traces (N, n1).
    """
    if not _may_have_outliers(traces):
        return None
    values = traces[np.isfinite(traces) & (traces != 0)]
    unique, counts = np.unique(values, return_counts=True)
    often = unique[counts > max(NULL_SHARE * values.size, 8)]
    for value in (often[0], often[-1]) if often.size else ():
        others = np.abs(values[values != value])
        if others.size and abs(value) > NULL_FACTOR * np.percentile(others, 99.9):
            return float(value)
    return None


def _may_have_outliers(traces: NDArray[np.float32]) -> bool:
    """Whether many samples are NULL_FACTOR times as large as nearly all others, by powers of 2.

    This is quicker than to sort the samples.
    """
    upper = np.ascontiguousarray(traces, "<f4").view("<u2")[..., 1::2]
    exponents = np.bincount(((upper >> 7) & 0xFF).ravel(), minlength=256)[1:255]
    total = int(exponents.sum())
    # Samples whose power of 2 is at most `reach` below, or above.
    reach = int(np.log2(NULL_FACTOR)) - 1
    above = np.cumsum(exponents[::-1])[::-1]
    for power in np.flatnonzero(exponents > NULL_SHARE * total).tolist():
        others = above[max(power - reach, 0)] - exponents[power]
        if others <= 0.001 * traces.size + 1:
            return True
    return False


def stride(traces: int, n1: int) -> int:
    """Every how many of `traces` with `n1` samples are looked at for clip limits."""
    return max(-(-traces * n1 // CLIP_SAMPLES), 1)


def _spread_live(survey: Survey) -> NDArray[np.float32]:
    """The evenly spaced traces that are neither null nor constant."""
    which, traces = survey.spread()
    return traces[~survey.null[which] & ~is_constant(traces)]


def _clip_limits(traces: NDArray[np.float32], filler: float | None) -> tuple[float, float]:
    """Clip limits from live `traces` (N, n1), without the null value `filler`."""
    finite = traces[np.isfinite(traces)]
    if filler is not None:
        finite = finite[finite != np.float32(filler)]
    return clip_limits(finite) if finite.size else (0.0, 0.0)


def _unknown(samples: NDArray[np.float32], filler: float | None) -> NDArray[np.bool_]:
    """Samples of a label (N, n1) that are unknown: NaN, infinite, or with the null value."""
    unknown = ~np.isfinite(samples)
    return unknown if filler is None else unknown | (samples == np.float32(filler))


def _blank(samples: NDArray[np.float32], filler: float) -> int:
    """Set samples with the null value to 0 in place, and count them."""
    missing = samples == np.float32(filler)
    samples[missing] = 0
    return int(np.count_nonzero(missing))


def _write(stream: BinaryIO, samples: NDArray, place: NDArray[np.int64]) -> None:
    """Write traces (N, n1) to their grid positions in a raw volume, adjacent ones together."""
    if not place.size:
        return
    if (np.diff(place) <= 0).any():
        order = np.argsort(place)
        samples, place = samples[order], place[order]
    ends = [*(np.flatnonzero(np.diff(place) != 1) + 1).tolist(), place.size]
    begin = 0
    size = samples[0].nbytes
    for end in ends:
        stream.seek(int(place[begin]) * size)
        stream.write(samples[begin:end].data)
        begin = end
    stream.flush()
    begin_writeback(stream, int(place[0]) * size, int(place[-1] - place[0] + 1) * size)
