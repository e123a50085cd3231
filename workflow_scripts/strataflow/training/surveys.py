"""Whole surveys with labels for training: memory-mapped, with unknown parts, of any size.

A label is NaN where it is unknown. Crops are drawn where labels are known. A crop that reaches
beyond a survey is filled by reflection, and its labels are unknown there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_hexdigest

from ..errors import StrataflowError
from ..files import file_checksum
from ..interpretation.control import load_control
from ..interpretation.labelled_lines import traces_on
from ..network.architecture import STRIDE
from ..prediction.tiling import TileAxis
from ..volume.amplitudes import AmplitudeStatistics
from ..volume.attributes import FAULT_THRESHOLD, TASKS
from ..volume.raw import Array
from ..volume.volume import Volume, attribute_path, open_volume, require_same_shape, statistics_of
from .horizon_targets import horizon_target, numbered

Corner = tuple[int, int, int]


@dataclass(frozen=True)
class Survey:
    """A survey with labels, or the part of it that belongs to a split.

    Attributes:
        image: Seismic image.
        labels: Label volumes by attribute, NaN where unknown.
        statistics: Amplitude statistics of the image.
        scale: Standard deviation of the label `dhr`, 1 without it.
        used: Traces whose labels belong to the split, bool (n3, n2).
        known: Traces with a known label, by task, as indices i3 * n2 + i2 (N,).
        horizons: Numbers and points (N, 3) of horizons that teach RGT.
    """

    image: Volume
    labels: dict[str, Volume]
    statistics: AmplitudeStatistics
    scale: float
    used: NDArray[np.bool_]
    known: dict[str, NDArray[np.int64]]
    horizons: tuple[tuple[int, NDArray[np.float32]], ...] = ()

    @classmethod
    def open(
        cls,
        image: Path,
        labels: Path,
        tasks: Sequence[str],
        held_out: str = "",
        control: Path | None = None,
    ) -> Survey:
        """Open a survey and find its known labels.

        Args:
            image: Raw volume of the image, with its sidecar.
            labels: PREFIX of the label volumes; those that exist are used.
            tasks: Tasks to train.
            held_out: Lines whose labels are not used, as in `parse_lines`; empty for none.
            control: Horizons and control points, as the stage read_control writes them.

        Raises:
            StrataflowError: There is no label for any of the tasks, the sizes differ, no label is
                known, or a value is invalid.
        """
        volume = open_volume(image)
        found: dict[str, Volume] = {}
        for task in tasks:
            for name in TASKS[task]:
                path = attribute_path(labels, name)
                if path.is_file():
                    found[name] = open_volume(path, volume.shape, name)
                    require_same_shape(found[name], volume)
        taught = [task for task in tasks if TASKS[task][0] in found]
        horizons = numbered(load_control(control)) if control and "rgt" in tasks else []
        if not taught and not horizons:
            names = " ".join(f".{TASKS[task][0]}" for task in tasks)
            raise StrataflowError(f"{labels}: no label of the tasks to train: expected {names}")
        used = np.array(volume.sidecar.live)
        if held_out:
            try:
                used &= ~traces_on(held_out, volume.sidecar)
            except StrataflowError as error:
                raise StrataflowError(f"{image}: held_out: {error}") from None
        scale = statistics_of(found["dhr"]).std if "dhr" in found else 1.0
        survey = cls(volume, found, statistics_of(volume), scale, used, {}, tuple(horizons))
        known = {task: survey._known_traces(TASKS[task][0]) for task in taught}
        if horizons and "rgt" not in known:
            known["rgt"] = survey._traces_of_horizons()
        if not any(traces.size for traces in known.values()):
            raise StrataflowError(f"{labels}: no known label: all values are unknown or held out")
        return replace(survey, known={t: traces for t, traces in known.items() if traces.size})

    def _known_traces(self, name: str) -> NDArray[np.int64]:
        """Indices of the used traces with a known value of the label `name`."""
        label = self.labels[name]
        known = np.zeros(label.values.shape[:2], bool)
        for i3, plane in enumerate(label.values):
            values = np.asarray(plane[self.used[i3]])
            finite = np.isfinite(values)
            if np.isinf(values).any():
                raise StrataflowError(f"{label.path}: contains infinite values")
            if name == "fsem" and finite.any():
                low, high = values[finite].min(), values[finite].max()
                if not 0 <= low <= high <= 1:
                    raise StrataflowError(
                        f"{label.path}: fsem must be in 0 to 1, got {low:g} to {high:g}"
                    )
            known[i3, self.used[i3]] = finite.any(axis=1)
        return np.flatnonzero(known)

    def _traces_of_horizons(self) -> NDArray[np.int64]:
        """Indices of the used traces that a horizon crosses."""
        crossed = np.zeros(self.used.shape, bool)
        for _, points in self.horizons:
            i3, i2 = np.rint(points[:, :2]).astype(np.int64).T
            crossed[i3, i2] = True
        return np.flatnonzero(crossed & self.used)

    def split(self, valid_share: float) -> tuple[Survey, Survey | None]:
        """Hold out the last labelled inlines for validation.

        Args:
            valid_share: Fraction of the inlines with known labels that is held out, if above 0 at
                least one. One inline at least remains for training.

        Returns:
            The training part, and the validation part or None.
        """
        n2 = self.image.shape.n2
        inlines = np.unique(np.concatenate([traces // n2 for traces in self.known.values()]))
        held = min(max(round(valid_share * inlines.size), valid_share > 0), inlines.size - 1)
        if not held:
            return self, None
        late = np.arange(self.image.shape.n3) >= inlines[-held]
        return self._part(~late), self._part(late)

    def _part(self, inlines: NDArray[np.bool_]) -> Survey:
        """The part on the given inlines, bool (n3,)."""
        n2 = self.image.shape.n2
        known = {task: traces[inlines[traces // n2]] for task, traces in self.known.items()}
        return replace(
            self,
            used=self.used & inlines[:, None],
            known={task: traces for task, traces in known.items() if traces.size},
        )

    def label_counts(self) -> dict[str, int]:
        """Number of voxels with a known label by task, and of labelled fault voxels as `faults`."""
        n2 = self.image.shape.n2
        counts: dict[str, int] = {}
        for task, traces in self.known.items():
            counts[task] = 0
            if TASKS[task][0] not in self.labels:
                counts[task] = sum(len(self._used_points(points)) for _, points in self.horizons)
                continue
            label = self.labels[TASKS[task][0]].values
            lines = np.split(traces, np.flatnonzero(np.diff(traces // n2)) + 1)
            for line in lines:
                values = np.asarray(label[line[0] // n2])[line % n2]
                counts[task] += int(np.count_nonzero(np.isfinite(values)))
                if task == "fault":
                    faults = int(np.count_nonzero(values >= FAULT_THRESHOLD))
                    counts["faults"] = counts.get("faults", 0) + faults
        return counts

    def draw_corner(self, rng: np.random.Generator, size: Corner) -> Corner:
        """Draw the first voxel (i3, i2, i1) of a crop of `size` about a random known label."""
        task = list(self.known)[int(rng.integers(len(self.known)))]
        trace = int(self.known[task][rng.integers(self.known[task].size)])
        at = divmod(trace, self.image.shape.n2)
        n3, n2, n1 = self.image.shape.array
        corner = [
            _start(rng, index, side, n)
            for index, side, n in zip(at, size[:2], (n3, n2), strict=True)
        ]
        return corner[0], corner[1], int(rng.integers(max(n1 - size[2], 0) + 1))

    def tiles(self, size: Corner) -> list[Corner]:
        """First voxels (i3, i2, i1) of the tiles of `size` that hold known labels."""
        shape = self.image.shape
        sides = list(zip(shape.array, size, strict=True))
        first = [[*range(0, max(n - side, 0) + 1, side)] for n, side in sides]
        for starts, (n, side) in zip(first, sides, strict=True):
            # The last tile ends with the survey, so that all of it is covered.
            if starts[-1] + side < n:
                starts.append(n - side)
        traces = np.concatenate(list(self.known.values()))
        known = np.zeros((shape.n3, shape.n2), bool)
        known.ravel()[traces] = True
        return [
            (i3, i2, i1)
            for i3, i2, i1 in product(*first)
            if known[i3 : i3 + size[0], i2 : i2 + size[1]].any()
        ]

    def read_image(self, corner: Corner, size: Corner) -> Array:
        """Read the normalised image of a crop, with reflection beyond the survey."""
        at = np.ix_(*self._indices(corner, size))
        values = np.nan_to_num(self.image.values[at], nan=0.0, posinf=0.0, neginf=0.0)
        return self.statistics.normalise(values)

    def read_labels(self, corner: Corner, size: Corner, tasks: Sequence[str]) -> dict[str, Array]:
        """Read the labels of `tasks` in a crop by attribute; NaN where unknown or not used."""
        indices = self._indices(corner, size)
        at = np.ix_(*indices)
        used = self.used[np.ix_(*indices[:2])]
        inside = [
            np.arange(first, first + side) < n
            for first, side, n in zip(corner, size, self.image.shape.array, strict=True)
        ]
        beyond = ~(inside[0][:, None, None] & inside[1][:, None] & inside[2])
        cubes: dict[str, Array] = {}
        for name in (name for task in tasks for name in TASKS[task]):
            cubes[name] = np.full(size, np.nan, np.float32)
            if name in self.labels:
                cubes[name] = np.array(self.labels[name].values[at], np.float32)
                cubes[name][~used] = np.nan
                cubes[name][beyond] = np.nan
        if "dhr" in cubes:
            cubes["dhr"] /= np.float32(self.scale)
        return cubes

    def read_horizons(self, corner: Corner, size: Corner, n1: int) -> Array:
        """Read the horizons of a crop that is stretched to `n1` samples, see `horizon_target`."""
        parts = [(number, self._used_points(points)) for number, points in self.horizons]
        return horizon_target(parts, corner, size, n1)

    def _used_points(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """The points (N, 3) on traces that belong to the split."""
        i3, i2 = np.rint(points[:, :2]).astype(np.int64).T
        used: NDArray[np.float32] = points[self.used[i3, i2]]
        return used

    def _indices(self, corner: Corner, size: Corner) -> list[NDArray[np.intp]]:
        """Voxels of the survey along each axis of a crop, reflected beyond its edges."""
        return [
            TileAxis(n, side, (0,)).indices(first)
            for n, side, first in zip(self.image.shape.array, size, corner, strict=True)
        ]

    def identity(self) -> Iterator[str]:
        """Yield texts that change if the image, the labels or their use change."""
        for name, volume in (("image", self.image), *sorted(self.labels.items())):
            checksums = volume.sidecar.checksums or (file_checksum(volume.path),)
            yield f"{name} {volume.shape} {' '.join(checksums)}"
        yield np.packbits(self.used).tobytes().hex()
        for number, points in self.horizons:
            yield f"horizon {number} {xxh3_64_hexdigest(np.ascontiguousarray(points).data)}"


def open_surveys(
    images: Sequence[Path],
    labels: Sequence[Path],
    tasks: Sequence[str],
    held_out: Sequence[str] = (),
    valid_share: float = 0.0,
    control: Sequence[Path | None] = (),
) -> tuple[tuple[Survey, ...], tuple[Survey, ...]]:
    """Open labelled surveys and split them into parts for training and validation.

    Args:
        images: Raw volumes of the images.
        labels: PREFIX of the labels of each survey.
        tasks: Tasks to train.
        held_out: Lines of each survey whose labels are not used, empty for none; or no entry.
        valid_share: Fraction of the labelled inlines of each survey for validation.
        control: Horizons and control points of each survey, None for none; or no entry.

    Raises:
        StrataflowError: The numbers of entries differ, or a survey cannot be used.
    """
    counts = (len(held_out), len(control))
    if len(labels) != len(images) or any(n not in (0, len(images)) for n in counts):
        raise StrataflowError(
            f"surveys: got {len(images)} images, {len(labels)} prefixes of labels, {counts[0]}"
            f" lists of held-out lines and {counts[1]} controls; give one of each for every survey"
        )
    lines = held_out or [""] * len(images)
    controls = control or [None] * len(images)
    surveys = [
        Survey.open(image, prefix, tasks, held, horizons)
        for image, prefix, held, horizons in zip(images, labels, lines, controls, strict=True)
    ]
    parts = [survey.split(valid_share) for survey in surveys]
    return tuple(part[0] for part in parts), tuple(part[1] for part in parts if part[1])


def crop_that_fits(surveys: Sequence[Survey], crop: Corner | None) -> Corner:
    """Return `crop`, or less if all surveys are smaller: the largest side, in whole strides."""
    largest = [max(survey.image.shape.array[axis] for survey in surveys) for axis in range(3)]
    sides = [-(-n // STRIDE) * STRIDE for n in largest]
    if crop:
        sides = [min(side, given) for side, given in zip(sides, crop, strict=True)]
    return sides[0], sides[1], sides[2]


def _start(rng: np.random.Generator, index: int, side: int, n: int) -> int:
    """Draw the start of a crop of `side` voxels that holds voxel `index` of `n`."""
    low, high = max(index - side + 1, 0), min(index, max(n - side, 0))
    return int(rng.integers(min(low, high), high + 1))
