"""Numbered patches of labelled surveys, used for training together with synthetic samples."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from ..errors import StrataflowError
from ..files import require_free_space, scratch_folder
from ..network.architecture import STRIDE
from ..samples.files import SPLITS, Folders, bytes_of_sample, deliver_samples, write_sample
from ..samples.manifest import ManifestRow, write_manifest
from ..synthetic.corruption import degrade
from ..volume.amplitudes import AmplitudeStatistics
from ..volume.attributes import FAULT_THRESHOLD, TASKS, normalised_geologic_time
from ..volume.raw import Array, Shape
from ..volume.volume import Volume, require_same_shape, statistics_of

# Patches with a smaller share of live traces are dropped, because they are mostly empty.
LIVE_SHARE = 0.5


def largest_patch(volume: Shape) -> Shape:
    """Return a patch of 128 voxels per side, or fewer whole strides if `volume` is smaller."""
    return Shape(*(min(128, n // STRIDE * STRIDE) for n in (volume.n1, volume.n2, volume.n3)))


@dataclass(frozen=True)
class _Survey:
    """A labelled survey: amplitudes are cut with `statistics`, dhr is divided by `dhr_scale`."""

    image: Volume
    labels: dict[str, Volume]
    statistics: AmplitudeStatistics
    dhr_scale: float

    def cut(
        self, corner: tuple[int, int, int], patch: Shape
    ) -> tuple[Array, dict[str, Array]] | None:
        """Cut amplitudes and labels at `corner` (i3, i2, i1), arrays (n3, n2, n1).

        Returns None where too few traces are live or no label is known.
        """
        i3, i2, i1 = corner
        window = np.s_[i3 : i3 + patch.n3, i2 : i2 + patch.n2, i1 : i1 + patch.n1]
        if self.image.sidecar.live[window[:2]].mean() < LIVE_SHARE:
            return None
        truth = {name: np.array(label.values[window]) for name, label in self.labels.items()}
        if all(np.isnan(cube).all() for cube in truth.values()):
            return None
        if "rgt" in truth:
            truth["rgt"] = normalised_geologic_time(truth["rgt"])
        if "dhr" in truth:
            truth["dhr"] /= np.float32(self.dhr_scale)
        return self.statistics.normalise(np.nan_to_num(self.image.values[window])), truth

    def write(
        self,
        folders: Folders,
        split: str,
        corners: list[tuple[int, int, int]],
        patch: Shape,
        seed: int,
    ) -> list[ManifestRow]:
        """Write a sample for each corner that has one.

        Args:
            folders: Folders to write to.
            split: Name of the split.
            corners: First voxel (i3, i2, i1) of each patch.
            patch: Shape of a patch.
            seed: Random seed of the degraded inputs of the refinement network.

        Returns:
            Rows of the manifest.
        """
        rows: list[ManifestRow] = []
        for i3, i2, i1 in corners:
            sample = self.cut((i3, i2, i1), patch)
            if sample is None:
                continue
            number = len(rows)
            amplitudes, truth = sample
            rng = np.random.default_rng((seed, SPLITS.index(split), number))
            known = {name: np.nan_to_num(cube) for name, cube in truth.items()}
            corrupted = degrade(rng, amplitudes, known)
            places = folders.data(split), folders.target(split)
            write_sample(*places, number, amplitudes, corrupted, truth)
            faults = float((truth["fsem"] >= FAULT_THRESHOLD).mean()) if "fsem" in truth else 0.0
            place = {"i1": i1, "i2": i2, "i3": i3} | asdict(patch)
            rows.append(
                ManifestRow(number, str(self.image.path), **place, seed=seed, fault_fraction=faults)
            )
        return rows


def make_patches(
    image: Volume,
    labels: dict[str, Volume],
    folders: Folders,
    patch: Shape,
    overlap: float,
    valid_share: float,
    seed: int,
) -> dict[str, int]:
    """Cut a labelled survey into numbered training and validation samples.

    Patches are spaced evenly. The last positions along the axis with most positions are held out
    for validation. Training patches that overlap these are dropped, so that no voxel is in both
    splits. Labels may be NaN where unknown; patches without a known label are left out. RGT is
    scaled to 0..1 in each patch. Amplitudes are normalised with the statistics of
    the survey.

    Args:
        image: Seismic image.
        labels: Label volumes by attribute, with the shape of `image`.
        folders: Output folders.
        patch: Shape of a patch; its sides are multiples of STRIDE.
        overlap: Minimum overlap of neighbouring patches, as a fraction of the patch.
        valid_share: Share of the positions that is held out for validation, 0..1.
        seed: Random seed of the degraded inputs of the refinement network.

    Returns:
        The number of samples of each split.

    Raises:
        StrataflowError: Volumes differ in shape, a patch does not fit, labels of a task are
            missing, or no patch is left for training.
    """
    _require_cut(image, labels, patch)
    corners = split_corners(image.shape, patch, overlap, valid_share)
    scale = statistics_of(labels["dhr"]).std if "dhr" in labels else 1.0
    survey = _Survey(image, labels, statistics_of(image), scale)
    count = sum(len(part) for part in corners.values())
    require_free_space(folders.data_train, count * bytes_of_sample(patch))
    with ExitStack() as stack:
        waiting = {
            name: stack.enter_context(scratch_folder(getattr(folders, name)))
            for name in Folders.__dataclass_fields__
        }
        rows = {
            split: survey.write(Folders(**waiting), split, corners[split], patch, seed)
            for split in SPLITS
        }
        if not rows["train"]:
            raise StrataflowError(
                f"{image.path}: leaves no patch for training: it has too few live traces, or the "
                f"validation share ({valid_share:g}) is too large"
            )
        for split in SPLITS:
            folders.manifest(split).unlink(missing_ok=True)
        deliver_samples(
            {getattr(folders, name): sorted(made.glob("*.bin")) for name, made in waiting.items()}
        )
    for split in SPLITS:
        write_manifest(folders.manifest(split), rows[split])
    return {split: len(rows[split]) for split in SPLITS}


def _require_cut(image: Volume, labels: dict[str, Volume], patch: Shape) -> None:
    """Raise StrataflowError unless `labels` fit `image` and patches of `patch` can be cut."""
    for names in TASKS.values():
        if 0 < len(labels.keys() & set(names)) < len(names):
            raise StrataflowError(
                f"labels: {' '.join(names)} must be given together, got {' '.join(labels)};"
                " strataflow labels finds fdip and fstrike from a mask"
            )
    for volume in labels.values():
        require_same_shape(volume, image)
    for name in ("n1", "n2", "n3"):
        size, n = getattr(patch, name), getattr(image.shape, name)
        if size % STRIDE or size < STRIDE:
            raise StrataflowError(f"patch: {name} must be a multiple of {STRIDE}, got {size}")
        if size > n:
            raise StrataflowError(f"{image.path}: {name}={n} is smaller than a patch ({size})")


def split_corners(
    volume: Shape, patch: Shape, overlap: float, valid_share: float
) -> dict[str, list[tuple[int, int, int]]]:
    """Return the first voxel (i3, i2, i1) of each patch, by split."""
    axes = [_starts(n, size, overlap) for n, size in zip(volume.array, patch.array, strict=True)]
    axis = max(range(3), key=lambda a: len(axes[a]))
    held = round(valid_share * len(axes[axis]))
    border = axes[axis][-held] if held else volume.array[axis]
    corners = list(product(axes[0], axes[1], axes[2]))
    return {
        "train": [c for c in corners if c[axis] + patch.array[axis] <= border],
        "valid": [c for c in corners if c[axis] >= border],
    }


def _starts(n: int, size: int, overlap: float) -> list[int]:
    """Return the evenly spaced first voxels of patches of `size` in `n` voxels."""
    step = max(int(size * (1 - overlap)), 1)
    count = -(-(n - size) // step) + 1
    return [int(start) for start in np.linspace(0, n - size, count).round()]
