"""Artifacts of acquisition and processing.

An artifact depends on a random generator and on the position in the survey alone. `shape` is that
of the survey (n3, n2, n1), and `inlines` selects the part that is returned. The values do not
depend on this selection.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..volume.raw import Array
from .acquisition import Acquisition
from .filters import PATCH, smooth_field

Shape3 = tuple[int, int, int]

# Maximum time shift by statics in samples.
MAX_STATIC = 1.0

# Maximum lateral extent of a diffraction and of the residual migration operator in voxels.
DIFFRACTION_REACH = 20
RESIDUAL_REACH = 5

# Length of the trace from which dipping noise is cut, and its points per sample.
NOISE_LENGTH = 4096
OVERSAMPLING = 4


def smooth_map(rng: np.random.Generator, shape: Shape3, inlines: slice) -> Array:
    """Random map (inlines, n2) with unit variance and a correlation length of PATCH voxels."""
    return smooth_field(rng, (*shape[:2], 1), PATCH, inlines)[..., 0]


def add_diffractions(
    reflectivity: Array,
    rng: np.random.Generator,
    acquisition: Acquisition,
    rms: np.float32,
    shape: Shape3,
    inlines: slice,
) -> None:
    """Add diffraction hyperbolas at random points, in place. Half of them are migration smiles.

    Args:
        reflectivity: Reflectivity (inlines, n2, n1 + margins).
        rng: Random generator.
        acquisition: Strength and number of the diffractions.
        rms: RMS of the reflectivity.
        shape: Shape of the survey (n3, n2, n1).
        inlines: Inlines of `reflectivity`.
    """
    n3, n2, samples = shape[0], shape[1], reflectivity.shape[-1]
    count = max(1, int(np.rint(acquisition.diffractors * 1e-6 * n3 * n2 * shape[2])))
    place3, place2, place1, reach, depth, slope, sign, tails, strength = rng.random((9, count))
    for i in range(count):
        radius = 5 + reach[i] * (DIFFRACTION_REACH - 5)
        centre3, centre2 = place3[i] * n3, place2[i] * n2
        lines3 = np.arange(
            max(inlines.start, int(np.ceil(centre3 - radius))),
            min(inlines.stop, int(centre3 + radius) + 1),
        )
        lines2 = np.arange(
            max(0, int(np.ceil(centre2 - radius))), min(n2, int(centre2 + radius) + 1)
        )
        if not lines3.size:
            continue
        square = np.square(lines3 - centre3)[:, None] + np.square(lines2 - centre2)
        apex = 15 + 85 * depth[i]
        moveout = np.hypot(apex, (0.5 + 2.5 * slope[i]) * np.sqrt(square)) - apex
        when = place1[i] * samples + np.where(tails[i] < 0.5, 1, -1) * moveout
        weight = (
            rms * acquisition.diffractions * 0.3 ** strength[i] * np.where(sign[i] < 0.5, 1, -1)
        )
        weight = weight * (1 - square / radius**2)
        whole = np.floor(when).astype(int)
        i3, i2 = np.nonzero((square < radius**2) & (whole >= 0) & (whole < samples - 1))
        at, part, weight = whole[i3, i2], (when - whole)[i3, i2], weight[i3, i2]
        reflectivity[lines3[i3] - inlines.start, lines2[i2], at] += weight * (1 - part)
        reflectivity[lines3[i3] - inlines.start, lines2[i2], at + 1] += weight * part


def add_multiples(
    reflectivity: Array, acquisition: Acquisition, rms: np.float32, shape: Shape3, inlines: slice
) -> None:
    """Add first-order and second-order multiples, in place.

    The period changes laterally, like the depth of the reflector that generates the multiples.

    Args:
        reflectivity: Reflectivity (inlines, n2, n1 + margins).
        acquisition: Strength and period of the multiples.
        rms: RMS of the reflectivity.
        shape: Shape of the survey (n3, n2, n1).
        inlines: Inlines of `reflectivity`.
    """
    a, samples = acquisition, reflectivity.shape[-1]
    source = reflectivity
    if a.multiple_threshold:
        strong = np.abs(reflectivity) > np.float32(a.multiple_threshold) * rms
        source = reflectivity * strong
    slope3, slope2 = a.multiple_slope
    along = slope3 * np.arange(shape[0])[inlines, None] + slope2 * np.arange(shape[1])
    # The period stays within 20 samples of its mean.
    period = a.multiple_period + 20 * np.sin(along / 20)
    whole = np.zeros_like(reflectivity)
    for order in (1, 2):
        delay = np.minimum(order * period, samples - 2)
        late = np.floor(delay).astype(int)
        part = (delay - late).astype(np.float32)[..., None]
        before = np.zeros((*reflectivity.shape[:2], samples), np.float32)
        windows = sliding_window_view(np.concatenate([before, source], -1), samples, -1)
        i3, i2 = np.indices(late.shape, sparse=True)
        factor = np.float32((-a.multiple) ** order)
        whole += factor * (1 - part) * windows[i3, i2, samples - late]
        whole += factor * part * windows[i3, i2, samples - late - 1]
    reflectivity += whole


def residual_moveout(image: Array, share: float, curvature: float) -> Array:
    """Simulate a wrong migration velocity.

    Events are averaged along a moveout of `curvature` times the squared distance, up to
    RESIDUAL_REACH voxels. The operator is separable and acts along n2, then along n3.

    Args:
        image: Image (n3, n2, n1).
        share: Fraction of the image with the wrong velocity.
        curvature: Moveout in samples per squared voxel.
    """
    steps = range(-RESIDUAL_REACH, RESIDUAL_REACH + 1)
    weights = {step: 1 - (step / (RESIDUAL_REACH + 1)) ** 2 for step in steps}
    total = sum(weights.values())
    moved, n1 = image, image.shape[-1]
    widest = int(np.ceil(abs(curvature) * RESIDUAL_REACH**2))
    for axis in (1, 0):
        around = [(0, 0), (0, 0), (widest, widest)]
        around[axis] = (RESIDUAL_REACH, RESIDUAL_REACH)
        padded, lines = np.pad(moved, around, "edge"), image.shape[axis]
        moved = np.zeros_like(image)
        for step, weight in weights.items():
            first = widest - int(np.rint(curvature * step**2))
            part = padded[..., first : first + n1]
            chosen = slice(step + RESIDUAL_REACH, step + RESIDUAL_REACH + lines)
            part = part[:, chosen] if axis == 1 else part[chosen]
            moved += np.float32(weight / total) * part
    # Compensate the loss of amplitude by the average along the moveout.
    moved *= np.float32(1.5 * share)
    moved += np.float32(1 - share) * image
    return moved


def shifted(image: Array, delay: NDArray[np.float64]) -> Array:
    """Shift traces by cubic convolution (Keys, 1981, IEEE Trans. ASSP 29).

    Args:
        image: Image (n3, n2, n1).
        delay: Delay of each trace (n3, n2), at most one sample.
    """
    first = np.where(delay > 0, -1, 0)
    t = -delay - first
    cubic = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    n1 = image.shape[-1]
    padded = np.pad(image, ((0, 0), (0, 0), (2, 2)), "edge")
    moved = np.zeros_like(image)
    for step in range(-2, 3):
        weight = sum(
            np.where(first + neighbour - 1 == step, cubic[neighbour], 0) for neighbour in range(4)
        )
        moved += np.asarray(weight, np.float32)[..., None] * padded[..., 2 + step : 2 + step + n1]
    return moved


def statics(
    rng: np.random.Generator, rms: float, shape: Shape3, inlines: slice
) -> NDArray[np.float64]:
    """Random time shifts (inlines, n2) in samples that vary from line to line."""
    line3, line2 = rng.standard_normal(shape[0]), rng.standard_normal(shape[1])
    share = rng.beta(0.4, 0.4)
    shift = rms * (np.sqrt(share) * line3[inlines, None] + np.sqrt(1 - share) * line2)
    return np.clip(shift, -MAX_STATIC, MAX_STATIC)


def line_gain(rng: np.random.Generator, strength: float, shape: Shape3, inlines: slice) -> Array:
    """Random gain factor (inlines, n2, 1) that varies from line to line."""
    line3, line2 = rng.standard_normal(shape[0]), rng.standard_normal(shape[1])
    share = rng.beta(0.4, 0.4)
    gain = np.exp(strength * (share * line3[inlines, None] + (1 - share) * line2))
    return gain[..., None].astype(np.float32)


def footprint(
    rng: np.random.Generator,
    strength: float,
    periods: tuple[float, float],
    shape: Shape3,
    inlines: slice,
) -> Array:
    """Acquisition footprint: a factor (inlines, n2, n1) with stripes that fade with depth."""
    n3, n2, n1 = shape
    phase3, phase2 = rng.uniform(0, 2 * np.pi, 2)
    stripes3 = np.cos(2 * np.pi * np.arange(n3)[inlines] / periods[0] + phase3)
    stripes2 = np.cos(2 * np.pi * np.arange(n2) / periods[1] + phase2)
    stripes = strength * (stripes3[:, None] + stripes2)
    fading = np.exp(-2.0 * np.arange(n1) / n1)
    return 1 + stripes[..., None].astype(np.float32) * fading.astype(np.float32)


def fold(
    rng: np.random.Generator, acquisition: Acquisition, shape: Shape3, inlines: slice
) -> Array:
    """Fraction of the full fold (inlines, n2), reduced in stripes and at the survey edges."""
    n3, n2, _ = shape
    lines = [np.ones(n3), np.ones(n2)]
    axis = int(rng.integers(2))
    wander = smooth_field(rng, (lines[axis].size, 1, 1), 5.0)[:, 0, 0]
    lines[axis] -= acquisition.low_fold * np.clip(wander, 0, 1)
    sides = rng.random((2, 2)) < 0.4
    sides[rng.integers(2), rng.integers(2)] = True
    if acquisition.edges:
        for line, (first, last) in zip(lines, sides, strict=True):
            inward = 1 - np.exp(-(np.arange(line.size) + 1.0) / acquisition.edges)
            line *= inward if first else 1
            line *= inward[::-1] if last else 1
    return (lines[0][inlines, None] * lines[1]).astype(np.float32)


def dipping_noise(
    rngs: list[np.random.Generator], acquisition: Acquisition, shape: Shape3, inlines: slice
) -> Array:
    """Dipping coherent noise in patches, with about unit variance.

    The moveout of a wave is a bent plane, so that its dip varies.

    Args:
        rngs: One random generator per wave. The first wave has the `coherent_slope` of the
            acquisition, and the others have random slopes and azimuths.
        acquisition: Slope and bend of the waves.
        shape: Shape of the survey (n3, n2, n1).
        inlines: Inlines to return.
    """
    a, (n3, n2, n1) = acquisition, shape
    total: Array = np.zeros((len(range(n3)[inlines]), n2, n1), np.float32)
    for number, rng in enumerate(rngs):
        slope, azimuth = a.coherent_slope
        if number:
            slope, azimuth = slope * rng.uniform(0.4, 1.3), azimuth + rng.uniform(0, 2 * np.pi)
        waves = _band_limited(rng, a.frequency, n1)
        moveout = slope * (
            np.cos(azimuth) * np.arange(n3)[inlines, None] + np.sin(azimuth) * np.arange(n2)
        )
        if a.coherent_bend:
            moveout += a.coherent_bend * smooth_map(rng, shape, inlines)
        start = np.rint(-moveout * OVERSAMPLING).astype(int)
        start, between = np.divmod(start, OVERSAMPLING)
        wave = sliding_window_view(waves, n1, -1)[between, start % NOISE_LENGTH]
        total += wave * np.clip(smooth_field(rng, shape, PATCH, inlines), 0, None)
    # The positive half of a normal distribution contributes half of the mean square.
    return total * np.float32((2 / len(rngs)) ** 0.5)


def _band_limited(rng: np.random.Generator, frequency: float, n1: int) -> Array:
    """Periodic noise around `frequency` with unit variance, (OVERSAMPLING, NOISE_LENGTH + n1).

    Row i holds the values at i / OVERSAMPLING samples after the integer times.
    """
    spectrum = np.fft.rfft(rng.standard_normal(NOISE_LENGTH))
    relative = np.fft.rfftfreq(NOISE_LENGTH) / frequency
    spectrum *= np.square(relative) * np.exp(-np.square(relative))
    trace = np.fft.irfft(spectrum, NOISE_LENGTH * OVERSAMPLING)
    rows = (trace / trace.std()).reshape(-1, OVERSAMPLING).T
    return np.take(rows, np.arange(NOISE_LENGTH + n1), 1, mode="wrap").astype(np.float32)


class WildTraces(NamedTuple):
    """Noisy traces: inline and crossline indices (N,), and white noise (N, n1)."""

    inline: NDArray[np.intp]
    crossline: NDArray[np.intp]
    white: Array


def bursts(
    rng: np.random.Generator, share: float, samples: int, shape: Shape3, inlines: slice
) -> WildTraces:
    """Noisy traces for a fraction `share` of the survey, with 2 to 8 times the signal RMS."""
    i3, i2 = np.nonzero(rng.random(shape[:2]) < share)
    strength = 2 * 4 ** rng.random((i3.size, 1), dtype=np.float32)
    white = strength * rng.standard_normal((i3.size, samples), dtype=np.float32)
    here = (i3 >= inlines.start) & (i3 < inlines.stop)
    return WildTraces(i3[here] - inlines.start, i2[here], white[here])


def shadow(
    rng: np.random.Generator, acquisition: Acquisition, shape: Shape3, inlines: slice
) -> Array:
    """Weight, 0 to 1, of dim columns at each voxel (inlines, n2, n1), like those below gas."""
    n3, n2, n1 = shape
    count = int(np.ceil(acquisition.shadows * n3 * n2 / 128**2))
    place3, place2, size, top = rng.random((4, count))
    lines3, lines2 = np.arange(n3)[inlines, None], np.arange(n2)
    ragged = 0.25 * smooth_map(rng, shape, inlines)
    weight = np.zeros((*ragged.shape, n1), np.float32)
    for i in range(count):
        radius = 6 + 24 * size[i]
        distance = np.hypot(lines3 - place3[i] * n3, lines2 - place2[i] * n2) / radius
        part = np.clip(1.4 - distance + ragged, 0, 1)
        column = (part * part * (3 - 2 * part)).astype(np.float32)
        if column.any():
            below = np.clip((np.arange(n1) - top[i] * 0.7 * n1) / 8, 0, 1).astype(np.float32)
            np.maximum(weight, column[..., None] * below, out=weight)
    return weight


def mute(rng: np.random.Generator, depth: float, shape: Shape3, inlines: slice) -> Array:
    """Factor (inlines, n2, rows) of a mute of irregular depth, for the affected top rows."""
    rows = min(shape[2], int(2.5 * depth) + 4)
    line3, line2 = rng.standard_normal(shape[0]), rng.standard_normal(shape[1])
    ends = depth * (1 + 0.4 * smooth_map(rng, shape, inlines))
    ends = np.clip(ends + line3[inlines, None] + line2, 0, 2.5 * depth)
    return np.clip((np.arange(rows) - ends[..., None]) / 3, 0, 1).astype(np.float32)


def dead(
    rng: np.random.Generator, acquisition: Acquisition, shape: Shape3, inlines: slice
) -> NDArray[np.bool_]:
    """Mask of dead traces (inlines, n2): small gaps, single traces and parts of lines."""
    a, (n3, n2, _) = acquisition, shape
    traces = rng.random((n3, n2)) < a.dead_traces
    for _ in range(a.gaps):
        i3, i2 = int(rng.integers(n3)), int(rng.integers(n2))
        narrow, length = int(rng.integers(1, 3)), int(rng.integers(3, 14))
        size = (narrow, length) if rng.random() < 0.5 else (length, narrow)
        traces[i3 : i3 + size[0], i2 : i2 + size[1]] = True
    for _ in range(a.dead_lines):
        lines = traces if rng.random() < 0.5 else traces.T
        line, first = int(rng.integers(lines.shape[0])), int(rng.integers(lines.shape[1]))
        lines[line, first : first + int(rng.integers(14, 200))] = True
    return traces[inlines]
