"""Numbered samples on disk: the four folders and their files.

`data_*/I.bin` is the image and `target_*/I_<attribute>.bin` are the targets.
`data_*/I_<attribute>.bin` are the corrupted attributes, the inputs of the refinement network. All
files are raw little-endian float32 with n1 as the fastest axis.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import StrataflowError
from ..files import file_checksum, written_whole
from ..volume.attributes import ATTRIBUTES
from ..volume.raw import Array, Shape

SPLITS = ("train", "valid")

# Table of checksums next to numbered samples.
CHECKSUMS = "checksums.csv"

# Empty file in a folder whose samples are being replaced.
UNFINISHED = ".unfinished"

NUMBERED = re.compile(r"\d+(_[a-z]+)?\.bin")


def bytes_of_sample(shape: Shape) -> int:
    """Total size of the files of a sample: image, corrupted attributes and targets."""
    return (1 + 2 * len(ATTRIBUTES)) * shape.n_bytes


@dataclass(frozen=True)
class Folders:
    """The four folders of numbered samples. The manifest of a split lies next to its data."""

    data_train: Path
    target_train: Path
    data_valid: Path
    target_valid: Path

    def data(self, split: str) -> Path:
        """Folder of images and corrupted attributes of `split`."""
        return self.data_train if split == "train" else self.data_valid

    def target(self, split: str) -> Path:
        """Folder of targets of `split`."""
        return self.target_train if split == "train" else self.target_valid

    def manifest(self, split: str) -> Path:
        """Path of the manifest of `split`."""
        return self.data(split).with_name(f"manifest_{split}.csv")


def sample_path(folder: Path | str, number: int, attribute: str | None = None) -> Path:
    """Path of the image of sample `number` in `folder`, or of one of its attributes."""
    return Path(folder) / (f"{number}_{attribute}.bin" if attribute else f"{number}.bin")


def write_sample(
    data: Path,
    target: Path,
    number: int,
    image: Array,
    corrupted: dict[str, Array],
    truth: dict[str, Array],
) -> None:
    """Write one sample; all arrays have the shape (n3, n2, n1).

    Args:
        data: Folder of images and corrupted attributes.
        target: Folder of targets.
        number: Number of the sample.
        image: Image.
        corrupted: Corrupted attributes by name, the inputs of the refinement network.
        truth: Target attributes by name.
    """
    cubes = {sample_path(data, number): image}
    cubes |= {sample_path(data, number, name): cube for name, cube in corrupted.items()}
    cubes |= {sample_path(target, number, name): cube for name, cube in truth.items()}
    for path, cube in cubes.items():
        with written_whole(path) as (temporary,):
            np.ascontiguousarray(cube, "<f4").tofile(temporary)


def deliver_samples(made: Mapping[Path, Iterable[Path]]) -> None:
    """Replace the samples of folders by finished files, and write their checksums.

    `count_samples` refuses all of these folders until the last one is complete, also if the run is
    killed before that.

    Args:
        made: Files on the same disk, by the folder that they are moved to.
    """
    for folder in made:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / UNFINISHED).touch()
    for folder, paths in made.items():
        (folder / CHECKSUMS).unlink(missing_ok=True)
        for old in folder.iterdir():
            if NUMBERED.fullmatch(old.name):
                old.unlink()
        for path in paths:
            os.replace(path, folder / path.name)
        write_checksums(folder)
    for folder in made:
        (folder / UNFINISHED).unlink()


def write_checksums(folder: Path) -> None:
    """Write the checksums of all finished samples in `folder`."""
    paths = sorted(folder.glob("*.bin"))
    table = pd.DataFrame({"file": [path.name for path in paths], "xxh3_64": _checksums(paths)})
    with written_whole(folder / CHECKSUMS) as (temporary,):
        table.to_csv(temporary, index=False)


def require_intact(paths: list[Path]) -> None:
    """Raise StrataflowError for the first of `paths` with a checksum mismatch.

    Folders without a table of checksums are not checked.
    """
    written = _written_checksums(paths)
    known = [path for path in paths if path in written]
    for path, found in zip(known, _checksums(known), strict=True):
        if found != written[path]:
            raise StrataflowError(
                f"{path}: checksum mismatch: the file changed or is damaged; regenerate the samples"
            )


def checksums_of(paths: list[Path]) -> list[str]:
    """Return the checksum of each file: as the folder's table has it, otherwise computed."""
    written = _written_checksums(paths)
    others = [path for path in paths if path not in written]
    known = written | dict(zip(others, _checksums(others), strict=True))
    return [known[path] for path in paths]


def _written_checksums(paths: list[Path]) -> dict[Path, str]:
    """Checksums in the tables of the folders of `paths`."""
    written: dict[Path, str] = {}
    for folder in {path.parent for path in paths}:
        if (folder / CHECKSUMS).is_file():
            table = pd.read_csv(folder / CHECKSUMS, dtype=str)
            written |= {folder / name: sum_ for name, sum_ in table.itertuples(index=False)}
    return written


def _checksums(paths: list[Path]) -> list[str]:
    with ThreadPoolExecutor() as threads:
        return list(threads.map(file_checksum, paths))


def count_samples(folder: Path) -> int:
    """Count the samples in `folder`, including those with an image or an attribute only.

    Raises:
        StrataflowError: The folder does not exist, is incomplete, or a number is missing.
    """
    if not folder.is_dir():
        raise StrataflowError(f"{folder}: no such folder")
    if (folder / UNFINISHED).exists():
        raise StrataflowError(
            f"{folder}: incomplete, because the run that writes these samples has not finished;"
            " if it was stopped, run it again"
        )
    stems = {path.stem.split("_")[0] for path in folder.glob("*.bin")}
    numbers = sorted(int(stem) for stem in stems if stem.isdigit())
    for expected, number in enumerate(numbers):
        if number != expected:
            raise StrataflowError(
                f"{sample_path(folder, expected)}: missing; "
                "samples must be numbered from 0 without gaps"
            )
    return len(numbers)
