"""Training crops: read from samples on disk, normalised, augmented and encoded for the networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch.utils.data import Dataset, Sampler

from ..errors import StrataflowError
from ..network.architecture import STRIDE, Architecture
from ..volume.amplitudes import AmplitudeStatistics, amplitude_statistics
from ..volume.attributes import TASKS, attributes_of, encode, fault_tensor, layer_shift
from ..volume.orientation import (
    normal_from_strike_dip,
    strike_dip_from_normal,
    turned_fault_channels,
)
from ..volume.raw import Array, read_cube
from .horizon_targets import HORIZONS
from .sources import SampleSource
from .surveys import Corner, crop_that_fits

# Attributes with values in 0..1.
BOUNDED = ("rgt", *TASKS["fault"])

# Maximum logarithm of the factor by which crops are stretched along n1.
LARGEST_STRETCH = 0.25


class Crops(Dataset[tuple[torch.Tensor, dict[str, torch.Tensor], str]]):
    """Crops of the samples. Item `i` is deterministic: its random numbers depend on `i` alone.

    An epoch covers each voxel once on average. In training, `i` keeps counting across epochs, so
    that each epoch has other crops and augmentations. Without `augment`, crops tile the samples.
    """

    def __init__(
        self,
        source: SampleSource,
        architecture: Architecture,
        crop: Corner | None,
        seed: int,
        augment: bool,
    ) -> None:
        self.source = source
        self.architecture = architecture
        self.seed = seed
        self.augment = augment
        shape = source.shape.array
        largest = tuple(n // STRIDE * STRIDE for n in shape)
        if not source.samples:
            largest = crop_that_fits(source.surveys, crop)
        n3, n2, n1 = (min(c, n) for c, n in zip(crop or largest, largest, strict=True))
        self.crop: Corner = (n3, n2, n1)
        if min(self.crop) < STRIDE or any(c % STRIDE for c in self.crop):
            raise StrataflowError(
                f"crop: sides must be multiples of {STRIDE} and fit in the samples "
                f"({source.shape}), got {(crop or shape)[::-1]}"
            )
        self.grid = tuple(n // c for n, c in zip(shape, self.crop, strict=True))
        self.per_sample = int(np.prod(self.grid))
        self.of_samples = len(source.samples) * self.per_sample
        self.tiles = [
            (survey, corner) for survey in source.surveys for corner in survey.tiles(self.crop)
        ]
        self.of_surveys = self._count_of_surveys()
        # All crops of a batch have the same targets.
        self.has_horizons = any(survey.horizons for survey in source.surveys)
        # The gain belongs to the sample, not to the crop, as at inference it belongs to the survey.
        self._statistics: dict[Path, AmplitudeStatistics] = {}

    def _count_of_surveys(self) -> int:
        """Number of crops per epoch from surveys."""
        if not self.augment or self.source.share is None or not self.source.samples:
            return len(self.tiles)
        share = self.source.share if self.source.surveys else 0.0
        return round(self.of_samples * share / (1 - share))

    def __len__(self) -> int:
        return self.of_samples + self.of_surveys

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, torch.Tensor], str]:
        """Return a crop in float32, and the file of its input.

        Returns:
            Network input (channels, n3, n2, n1), targets by task (CHANNELS[task], n3, n2, n1), NaN
            where unknown, and the path of the input file.

        Raises:
            StrataflowError: An image has NaN or infinite values, or labels are outside 0..1.
        """
        item = index % len(self)
        rng = np.random.default_rng((self.seed, index))
        if item < self.of_samples:
            given, encoded, path = self._of_sample(rng, item)
            if self.has_horizons:
                encoded[HORIZONS] = np.zeros((2, *self.crop), np.float32)
        else:
            given, encoded, path = self._of_survey(rng, item - self.of_samples)
        if self.augment:
            given, encoded = _augment(rng, given, encoded, self.architecture)
        return (
            torch.from_numpy(np.ascontiguousarray(given)),
            {task: torch.from_numpy(np.ascontiguousarray(cube)) for task, cube in encoded.items()},
            str(path),
        )

    def _of_sample(
        self, rng: np.random.Generator, item: int
    ) -> tuple[Array, dict[str, Array], Path]:
        """Input and targets of a crop of a numbered sample."""
        number, part = divmod(item, self.per_sample)
        shape = self.source.shape.array
        size = self.crop
        if self.augment:
            size = self._size_before_stretch(rng, self.source.shape.n1)
            corner = [int(rng.integers(n - c + 1)) for n, c in zip(shape, size, strict=True)]
        else:
            corner = [
                int(i) * c
                for i, c in zip(np.unravel_index(part, self.grid), self.crop, strict=True)
            ]
        window = tuple(slice(i, i + c) for i, c in zip(corner, size, strict=True))
        inputs, targets = self.source.paths(number, self.architecture)
        names = attributes_of(self.architecture.tasks)
        taught = self.source.targets_in(self.source.samples[number][1], self.architecture)
        truth = self._read(dict(zip(taught, targets, strict=True)), window, may_be_unknown=True)
        scale = self._gain(targets[taught.index("dhr")]).std if "dhr" in taught else 1.0
        truth |= {name: np.full(size, np.nan, np.float32) for name in names if name not in taught}
        if self.architecture.kind == "infer":
            image = self._read({"image": inputs[0]}, window)
            given = self._gain(inputs[0]).normalise(stretched(image, self.crop[2])["image"])[None]
        else:
            degraded = self._read(dict(zip(names, inputs, strict=True)), window)
            given = encode(stretched(degraded, self.crop[2]), self.architecture.tasks)
        return given, self._encode_targets(stretched(truth, self.crop[2]), scale), inputs[0]

    def _of_survey(
        self, rng: np.random.Generator, item: int
    ) -> tuple[Array, dict[str, Array], Path]:
        """Input and targets of a crop of a survey, drawn where labels are known."""
        size = self.crop
        if self.augment:
            survey = self.source.surveys[int(rng.integers(len(self.source.surveys)))]
            size = self._size_before_stretch(rng, max(survey.image.shape.n1, self.crop[2]))
            corner = survey.draw_corner(rng, size)
        else:
            survey, corner = self.tiles[item]
        image = {"image": survey.read_image(corner, size)}
        truth = survey.read_labels(corner, size, self.architecture.tasks)
        targets = self._encode_targets(stretched(truth, self.crop[2]), 1.0)
        if self.has_horizons:
            targets[HORIZONS] = survey.read_horizons(corner, size, self.crop[2])
        return stretched(image, self.crop[2])["image"][None], targets, survey.image.path

    def _size_before_stretch(self, rng: np.random.Generator, largest: int) -> Corner:
        """Draw the size of a crop before stretching, with at most `largest` voxels along n1.

        Half of the crops are stretched along n1.
        """
        n3, n2, n1 = self.crop
        if rng.random() < 0.5:
            n1 = min(
                round(n1 * np.exp(rng.uniform(-LARGEST_STRETCH, LARGEST_STRETCH))),
                largest,
            )
        return n3, n2, n1

    def _read(
        self, paths: dict[str, Path], window: tuple[slice, ...], may_be_unknown: bool = False
    ) -> dict[str, Array]:
        """Read windows of attributes. NaN is valid in targets, where it stands for unknown."""
        cubes = {}
        for name, path in paths.items():
            cube = np.array(read_cube(path, self.source.shape)[window])
            known = cube[~np.isnan(cube)] if may_be_unknown else cube
            if not np.isfinite(known).all():
                raise StrataflowError(
                    f"{path}: contains NaN or infinite values; regenerate the sample"
                )
            if known.size and name in BOUNDED and not 0 <= known.min() <= known.max() <= 1:
                raise StrataflowError(
                    f"{path}: {name} must be in 0 to 1, got {known.min():g} to {known.max():g}"
                )
            cubes[name] = cube
        return cubes

    def _gain(self, path: Path) -> AmplitudeStatistics:
        if path not in self._statistics:
            cube = read_cube(path, self.source.shape)
            self._statistics[path] = amplitude_statistics(cube, str(path))
        return self._statistics[path]

    def _encode_targets(self, truth: dict[str, Array], scale: float) -> dict[str, Array]:
        """Encode targets for the losses. `dhr` is divided by `scale`."""
        encoded: dict[str, Array] = {}
        for task in self.architecture.tasks:
            if task == "dhr":
                encoded[task] = (truth["dhr"] / np.float32(scale))[None]
            elif task == "rgt":
                encoded[task] = layer_shift(truth["rgt"])[None]
            else:
                tensor = fault_tensor(truth["fsem"], truth["fdip"], truth["fstrike"])
                encoded[task] = np.concatenate([truth["fsem"][None], tensor])
        return encoded


def stretched(cubes: dict[str, Array], n1: int) -> dict[str, Array]:
    """Resample attributes along n1, and adapt the dips.

    Fault probabilities and angles take the nearest sample, so that labels stay 0 or 1. Other
    attributes are interpolated linearly.

    Args:
        cubes: Attributes by name, each (n3, n2, any number of samples).
        n1: Number of samples of the result.

    Returns:
        Attributes by name (n3, n2, n1).
    """
    m = next(iter(cubes.values())).shape[-1]
    if m == n1:
        return cubes
    place = np.linspace(0, m - 1, n1)
    low = np.minimum(place.astype(int), m - 2)
    part = (place - low).astype(np.float32)
    nearest = np.rint(place).astype(int)
    out = {}
    for name, cube in cubes.items():
        if name in TASKS["fault"]:
            out[name] = cube[..., nearest]
        else:
            out[name] = cube[..., low] * (1 - part) + cube[..., low + 1] * part
    if "fdip" in out:
        where = (out["fdip"] > 0) | (out["fstrike"] > 0)
        normal = normal_from_strike_dip(180 * out["fstrike"][where], 180 * out["fdip"][where])
        # Stretching a surface along n1 by a factor divides that component of its normal by it.
        normal[2] *= np.float32((m - 1) / (n1 - 1))
        strike, dip = strike_dip_from_normal(normal)
        out["fstrike"][where], out["fdip"][where] = strike / 180, dip / 180
    return out


def _augment(
    rng: np.random.Generator, given: Array, targets: dict[str, Array], architecture: Architecture
) -> tuple[Array, dict[str, Array]]:
    """Mirror and rotate about n1, orientations included; vary gain, polarity, noise and band."""
    flips = [axis for axis in (0, 1) if rng.random() < 0.5]
    # A rotation by 90 degrees is a swap of the horizontal axes and a mirror.
    swap = given.shape[1] == given.shape[2] and rng.random() < 0.5
    given = np.concatenate(
        [_turn(given[part], what, flips, swap) for what, part in architecture.inputs.items()]
    )
    targets = {task: _turn(cube, task, flips, swap) for task, cube in targets.items()}
    if architecture.kind == "infer":
        polarity = rng.choice([-1.0, 1.0])
        given = given * np.float32(polarity * np.exp(rng.normal(0, 0.15)))
        given = given + np.float32(rng.uniform(0, 0.15)) * rng.standard_normal(
            given.shape, dtype=np.float32
        )
        if rng.random() < 0.3:
            # Reduce high frequencies, as in deeper or older surveys.
            low = gaussian_filter1d(given, rng.uniform(0.3, 1.0), axis=-1)
            given = low * (given.std() / max(float(low.std()), 1e-6))
        if "dhr" in targets:
            targets["dhr"] = targets["dhr"] * np.float32(polarity)
    return given, targets


def _turn(cube: Array, task: str, flips: list[int], swap: bool) -> Array:
    """Mirror `cube` (channels, n3, n2, n1) along `flips` (0: n3, 1: n2), then swap n3 and n2."""
    cube = np.flip(cube, tuple(axis + 1 for axis in flips))
    if swap:
        cube = cube.swapaxes(1, 2)
    if task != "fault":
        return cube
    turned = np.empty(cube.shape, np.float32)
    for channel, (source, sign) in enumerate(zip(*turned_fault_channels(flips, swap), strict=True)):
        np.multiply(cube[source], np.float32(sign), out=turned[channel])
    return turned


class CountingSampler(Sampler[int]):
    """Shuffle the items of one epoch and share them among processes.

    Item numbers keep counting across epochs. Lightning sets `epoch` through `set_epoch`, so that
    order and augmentations after a resume are those of an uninterrupted run.
    """

    def __init__(self, length: int, seed: int, rank: int = 0, processes: int = 1) -> None:
        self.length = length
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.epoch = 0
        self._done = 0

    def begin(self, epoch: int, done: int) -> None:
        """Start within `epoch`, after this process has processed `done` items of it."""
        self.epoch, self._done = epoch, done

    def set_epoch(self, epoch: int) -> None:
        """Start `epoch`. Lightning calls this before each epoch."""
        if epoch != self.epoch:
            self.begin(epoch, 0)

    def __len__(self) -> int:
        return max(self.length // self.processes, 1)

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        mine = order[self.rank :: self.processes][self._done : len(self)]
        return iter((self.epoch * self.length + mine).tolist())
