"""Labelled synthetic samples and surveys: a random earth model, its image and exact attributes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import StrataflowError
from ..volume.attributes import normalised_geologic_time
from ..volume.raw import Array, Shape
from .acquisition import random_acquisition
from .events import Unconformity
from .filters import along_axes, gaussian_matrix, within
from .geology import Geology, evaluate
from .imaging import Recording, unit_rms
from .random_earth import random_model
from .scenario import ANYTHING, Scenario
from .truth import truth_targets

MIN_SIDE = 16

# Reflections are visible where their RMS reaches these fractions of the noise and of the survey
# RMS. The RMS is taken over a Gaussian window with these sigmas in voxels along n2 and n1.
SEEN_OVER = (6.0, 10.0)
SEEN_OVER_NOISE = 0.5
SEEN_OVER_RMS = 0.12

# Spacing of the inlines on which the signal of a survey is measured.
CALIBRATION_STEP = 16


@dataclass(frozen=True)
class FaultStatistics:
    """Properties of a fault: angles in degrees, slip and throw at the centre in samples, length
    in voxels."""

    fault: int
    kind: str
    strike: float
    dip: float
    slip: float
    throw: float
    half_length: float
    listric: bool
    labelled_voxels: int


@dataclass(frozen=True)
class SampleStatistics:
    """Properties of a sample: angles in degrees, frequency in cycles per sample, minimum visible
    offset in samples."""

    faults: int
    faults_labelled: int
    fault_fraction: float
    layer_dip_median: float
    layer_dip_p95: float
    unconformities: int
    channels: int
    frequency: float
    wavelet: str
    phase: float
    signal_to_noise_db: float
    visible_offset: float


def require_size(shape: Shape) -> None:
    """Raise StrataflowError if a side is below MIN_SIDE."""
    if min(shape.array) < MIN_SIDE:
        raise StrataflowError(f"size: expected at least {MIN_SIDE} along each axis, got {shape}")


class SyntheticEarth:
    """A random earth model and its recording, reproducible from the seed.

    Args:
        seed: Seed of all random numbers.
        shape: Size of the survey.
        scenario: Ranges of the random parameters.

    Raises:
        StrataflowError: A side is below MIN_SIDE.
    """

    def __init__(self, seed: tuple[int, ...], shape: Shape, scenario: Scenario) -> None:
        require_size(shape)
        rng = np.random.default_rng(seed)
        self.shape, self.scenario = shape, scenario
        self.model = random_model(rng, shape.array, scenario)
        self.acquisition = random_acquisition(rng, scenario)
        self.recording = Recording((*seed, 2), self.acquisition, shape.array)

    def geology(self, inlines: slice, labels: bool = True) -> Geology:
        """Geology at `inlines`, with the vertical margin that the image needs."""
        shape, margin = self.shape, self.recording.margin
        return evaluate(
            self.model,
            (inlines.stop - inlines.start, shape.n2, shape.n1 + 2 * margin),
            (inlines.start, 0, -margin),
            self.scenario.fault_thickness if labels else 0.0,
            self.acquisition.visible_offset,
        )

    def calibrate(self) -> None:
        """Measure the signal on some inlines, before a survey is generated in slabs."""
        lines = range(CALIBRATION_STEP // 2, self.shape.n3, CALIBRATION_STEP)
        geology = [self.geology(slice(line, line + 1), labels=False) for line in lines]
        self.recording.calibrate(np.concatenate([reflectivity(g) for g in geology]))

    def slab(self, inlines: slice) -> tuple[Array, Array, Geology]:
        """Image, clean image and geology of `inlines`, without the margin."""
        block = self.recording.block(inlines)
        geology = self.geology(block)
        image, clean = self.recording.record(reflectivity(geology), inlines)
        return image, clean, self._seen(self._cut(geology, inlines, block), clean)

    def cube(self) -> tuple[Array, Array, Geology]:
        """Image, clean image and geology of the whole survey, calibrated on itself."""
        everything = slice(0, self.shape.n3)
        geology = self.geology(everything)
        reflections = reflectivity(geology)
        self.recording.calibrate(reflections[:: CALIBRATION_STEP // 2])
        image, clean = self.recording.record(reflections, everything)
        return image, clean, self._seen(self._cut(geology, everything, everything), clean)

    def _seen(self, geology: Geology, clean: Array) -> Geology:
        """Remove fault labels where reflections are too weak compared with noise or the survey."""
        smooth = [
            gaussian_matrix(n, sigma, 1)
            for n, sigma in zip(clean.shape[1:], SEEN_OVER, strict=True)
        ]
        strength = np.sqrt(along_axes(np.square(clean), None, *smooth))
        noise = float(np.hypot(self.acquisition.noise, self.acquisition.coherent_noise))
        hidden = strength < max(SEEN_OVER_NOISE * noise, SEEN_OVER_RMS)
        for labels in geology.label_arrays().values():
            labels[hidden] = 0
        return geology

    def _cut(self, geology: Geology, inlines: slice, block: slice) -> Geology:
        margin = self.recording.margin
        inside = (
            within(inlines, block),
            slice(None),
            slice(margin, margin + self.shape.n1),
        )
        cut = Geology(*(getattr(geology, name)[inside] for name in Geology.__dataclass_fields__))
        seen = self.recording.seen(inlines)
        if seen is None:
            return cut
        # Keep fault labels only where the image can show faults.
        return replace(cut, **{name: label * seen for name, label in cut.label_arrays().items()})


def reflectivity(geology: Geology) -> Array:
    """Reflection coefficients (n3, n2, n1 - 1): half the differences of log impedance."""
    return np.float32(0.5) * np.diff(geology.log_impedance, axis=-1)


@dataclass
class LabelledCube:
    """A labelled sample.

    Attributes:
        image: Image (n3, n2, n1) with an RMS of 1.
        targets: Attributes (n3, n2, n1) by name.
        truth: Number and throw of the fault at each label (n3, n2, n1), see `truth_targets`.
        statistics: Properties of the sample.
        faults: Properties of its faults.
    """

    image: Array
    targets: dict[str, Array]
    truth: dict[str, Array]
    statistics: SampleStatistics
    faults: list[FaultStatistics]


def labelled_cube(
    seed: tuple[int, ...], shape: Shape, scenario: Scenario = ANYTHING
) -> LabelledCube:
    """Generate a labelled sample, reproducible from its arguments.

    Args:
        seed: Seed of all random numbers.
        shape: Size of the sample.
        scenario: Ranges of the random parameters.

    Raises:
        StrataflowError: A side is below MIN_SIDE.
    """
    earth = SyntheticEarth(seed, shape, scenario)
    image, clean, geology = earth.cube()
    targets = {
        "dhr": unit_rms(clean),
        "rgt": normalised_geologic_time(geology.age),
        **fault_targets(geology),
    }
    truth = truth_targets(geology)
    return LabelledCube(unit_rms(image), targets, truth, *_describe(earth, geology))


def fault_targets(geology: Geology) -> dict[str, Array]:
    """Fault labels of `geology` as the attributes fsem, fdip and fstrike, float32."""
    return {
        "fsem": (geology.fault > 0).astype(np.float32),
        "fdip": geology.dip / np.float32(180),
        "fstrike": geology.strike / np.float32(180),
    }


def _describe(
    earth: SyntheticEarth, geology: Geology
) -> tuple[SampleStatistics, list[FaultStatistics]]:
    """Statistics of a sample and of its faults."""
    labelled = np.bincount(geology.fault.ravel(), minlength=len(earth.model.faults) + 1)
    faults = [
        FaultStatistics(
            fault=number,
            kind=fault.kind,
            strike=round(fault.strike % 180, 2),
            dip=round(fault.dip, 2),
            slip=round(fault.slip, 3),
            throw=round(fault.throw, 3),
            half_length=round(fault.half_length, 1),
            listric=bool(fault.listric),
            labelled_voxels=int(labelled[number]),
        )
        for number, fault in enumerate(earth.model.faults, start=1)
    ]
    dip = layer_dip(geology.age)
    acquisition = earth.acquisition
    statistics = SampleStatistics(
        faults=len(faults),
        faults_labelled=int(np.count_nonzero(labelled[1:])),
        fault_fraction=float(1 - labelled[0] / geology.fault.size),
        layer_dip_median=round(float(np.median(dip)), 2),
        layer_dip_p95=round(float(np.percentile(dip, 95)), 2),
        unconformities=sum(isinstance(event, Unconformity) for event in earth.model.events),
        channels=len(earth.model.channels),
        frequency=round(acquisition.frequency, 4),
        wavelet=acquisition.wavelet,
        phase=round(acquisition.phase, 1),
        signal_to_noise_db=round(acquisition.signal_to_noise, 2),
        visible_offset=round(acquisition.visible_offset, 3),
    )
    return statistics, faults


def layer_dip(age: Array) -> Array:
    """Layer dips in degrees (N,), at every fourth voxel of `age` (n3, n2, n1) along each axis."""
    here = age[:-1:4, :-1:4, :-1:4]
    slope3 = age[1::4, :-1:4, :-1:4] - here
    slope2 = age[:-1:4, 1::4, :-1:4] - here
    slope1 = age[:-1:4, :-1:4, 1::4] - here
    dips: Array = np.degrees(np.arctan2(np.hypot(slope3, slope2), np.abs(slope1))).ravel()
    return dips
