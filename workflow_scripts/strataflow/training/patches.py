"""Numbered patches of labelled surveys, for training beside the synthetic samples."""

from __future__ import annotations

from itertools import product

import numpy as np

from ..errors import StrataflowError
from ..files import require_free_space
from ..network.architecture import STRIDE
from ..samples.files import SPLITS, Folders, bytes_of_sample, write_checksums, write_sample
from ..samples.manifest import ManifestRow, write_manifest
from ..synthetic.corruption import degrade
from ..volume.attributes import FAULT_THRESHOLD, TASKS, normalised_geologic_time
from ..volume.raw import Shape
from ..volume.volume import Volume, require_same_shape, statistics_of

# A patch with a smaller share of live traces than this teaches more about holes than about rock.
LIVE_SHARE = 0.5


def largest_patch(volume: Shape) -> Shape:
    """Patch of 128 voxels a side, less where `volume` is smaller, in whole strides."""
    return Shape(*(min(128, n // STRIDE * STRIDE) for n in (volume.n1, volume.n2, volume.n3)))


def make_patches(
    image: Volume,
    labels: dict[str, Volume],
    folders: Folders,
    patch: Shape,
    overlap: float,
    valid_share: float,
    seed: int,
) -> dict[str, int]:
    """Cut `image` and its `labels` (attribute to volume) into numbered samples; return how many.

    Patches cover the volume evenly with at least the fraction `overlap` in common. For validation
    the last share of the positions along the axis that has most is held out, and training patches
    that reach into these are dropped, so that nothing is seen twice. Geologic time is scaled to
    0..1 in each patch; amplitudes are normalised with the survey's statistics. Raises
    StrataflowError for volumes that do not match and patches that do not fit.
    """
    for names in TASKS.values():
        if 0 < len(labels.keys() & set(names)) < len(names):
            raise StrataflowError(f"labels: {' '.join(names)} go together, got {' '.join(labels)}")
    for volume in labels.values():
        require_same_shape(volume, image)
    for name in ("n1", "n2", "n3"):
        size, n = getattr(patch, name), getattr(image.shape, name)
        if size % STRIDE or size < STRIDE:
            raise StrataflowError(f"patch: {name} must be a multiple of {STRIDE}, got {size}")
        if size > n:
            raise StrataflowError(f"{image.path}: {name}={n} is smaller than a patch ({size})")
    corners = split_corners(image.shape, patch, overlap, valid_share)
    live = image.sidecar.live
    statistics = statistics_of(image)
    count = sum(len(part) for part in corners.values())
    require_free_space(folders.data_train, count * bytes_of_sample(patch))
    scale = statistics_of(labels["dhr"]).std if "dhr" in labels else 1.0
    counts = {}
    for split in SPLITS:
        data, target = folders.data(split), folders.target(split)
        data.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        rows: list[ManifestRow] = []
        for i3, i2, i1 in corners[split]:
            window = np.s_[i3 : i3 + patch.n3, i2 : i2 + patch.n2, i1 : i1 + patch.n1]
            if live[window[:2]].mean() < LIVE_SHARE:
                continue
            number = len(rows)
            amplitudes = statistics.normalise(np.nan_to_num(image.values[window]))
            truth = {name: np.array(label.values[window]) for name, label in labels.items()}
            if "rgt" in truth:
                truth["rgt"] = normalised_geologic_time(truth["rgt"])
            if "dhr" in truth:
                truth["dhr"] /= np.float32(scale)
            rng = np.random.default_rng((seed, SPLITS.index(split), number))
            write_sample(data, target, number, amplitudes, degrade(rng, amplitudes, truth), truth)
            faults = float((truth["fsem"] >= FAULT_THRESHOLD).mean()) if "fsem" in truth else 0.0
            rows.append(
                ManifestRow(
                    sample=number,
                    source=str(image.path),
                    i1=i1,
                    i2=i2,
                    i3=i3,
                    n1=patch.n1,
                    n2=patch.n2,
                    n3=patch.n3,
                    seed=seed,
                    fault_fraction=faults,
                )
            )
        for folder in (data, target):
            write_checksums(folder)
        write_manifest(folders.manifest(split), rows)
        counts[split] = len(rows)
    if not counts["train"]:
        raise StrataflowError(
            f"{image.path}: leaves no patch for training, with too few live traces or too large a "
            f"validation share ({valid_share:g})"
        )
    return counts


def split_corners(
    volume: Shape, patch: Shape, overlap: float, valid_share: float
) -> dict[str, list[tuple[int, int, int]]]:
    """First voxels (i3, i2, i1) of the patches of each split."""
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
    """Evenly spread first voxels of patches of `size` over `n` voxels."""
    step = max(int(size * (1 - overlap)), 1)
    count = -(-(n - size) // step) + 1
    return [int(start) for start in np.linspace(0, n - size, count).round()]
