"""Training and validation sets: numbered samples on disk, and surveys with labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import StrataflowError
from ..network.architecture import Architecture
from ..samples.files import checksums_of, count_samples, require_intact, sample_path
from ..volume.attributes import TASKS, attributes_of
from ..volume.raw import Shape, infer_shape, read_cube, require_size
from .surveys import Survey


@dataclass(frozen=True)
class SampleSource:
    """Samples of a training or validation set, and surveys with labels.

    A target folder may lack the attributes of some tasks, and targets may be NaN where unknown.

    Attributes:
        samples: (data folder, target folder, sample number) of each sample.
        shape: Shape of each sample.
        surveys: Surveys that crops are drawn from directly.
        share: Share of the crops that come from the surveys; None for as many as cover them.
    """

    samples: tuple[tuple[Path, Path, int], ...]
    shape: Shape
    surveys: tuple[Survey, ...] = ()
    share: float | None = None

    @classmethod
    def open(
        cls,
        data: Sequence[Path],
        target: Sequence[Path],
        count: int | None,
        shape: Shape | None,
        surveys: tuple[Survey, ...] = (),
        share: float | None = None,
        split: str = "training",
    ) -> SampleSource:
        """Check the folders and select the first samples.

        Args:
            data: Folders of network inputs.
            target: Folders of targets, one for each of `data`.
            count: Number of samples, or None for all.
            shape: Shape of each sample, or None for cubes of the size of the first file.
            surveys: Surveys that crops are drawn from directly.
            share: Share of the crops that come from the surveys; None for as many as cover them.
            split: training or validation, for error messages.

        Raises:
            StrataflowError: The numbers of folders differ, or there are too few samples.
        """
        if len(data) != len(target):
            raise StrataflowError(
                f"{[*data, *target][0]}: got {len(data)} data folders and {len(target)} target"
                " folders; give one target folder for each data folder"
            )
        found = [
            (folder, target_folder, number)
            for folder, target_folder in zip(data, target, strict=True)
            for number in range(count_samples(folder))
        ]
        if not found and data and not surveys:
            raise StrataflowError(f"{data[0]}: contains no samples (0.bin, 1.bin, ...)")
        if not found:
            if not surveys:
                more = (
                    ", or a larger share of the surveys (--survey_valid_share, patches.valid_share)"
                )
                more = more if split == "validation" else ""
                raise StrataflowError(
                    f"{split}: no samples; give folders of samples, or surveys with labels{more}"
                )
            return cls((), shape or surveys[0].image.shape, surveys, share)
        if count is not None and count > len(found):
            raise StrataflowError(
                f"{data[0]}: {count} samples requested, but only {len(found)} found"
            )
        folder, _, number = found[0]
        first = next(folder.glob(f"{number}[._]*bin"))
        return cls(tuple(found[:count]), shape or infer_shape(first), surveys, share)

    def paths(self, item: int, architecture: Architecture) -> tuple[list[Path], list[Path]]:
        """Return the input files and the target files of the `item`-th sample."""
        data, target, number = self.samples[item]
        targets = [
            sample_path(target, number, name) for name in self.targets_in(target, architecture)
        ]
        if architecture.kind == "infer":
            return [sample_path(data, number)], targets
        names = attributes_of(architecture.tasks)
        return [sample_path(data, number, name) for name in names], targets

    def targets_in(self, target: Path, architecture: Architecture) -> tuple[str, ...]:
        """Return the attributes of `architecture` that a target folder teaches.

        A task whose attributes are all missing is not taught. So is the orientation of faults
        without `fdip` and `fstrike`.

        Raises:
            StrataflowError: The folder has none of the attributes, or `fdip` or `fstrike` alone.
        """
        wanted = attributes_of(architecture.tasks)
        there = _attributes_in(target)
        found = tuple(name for name in wanted if name in there)
        if not found:
            raise StrataflowError(f"{target}: no targets of {' '.join(wanted)}")
        if ("fdip" in found) != ("fstrike" in found) or ("fdip" in found and "fsem" not in found):
            raise StrataflowError(
                f"{target}: fdip and fstrike must be there together and with fsem, got"
                f" {' '.join(found)}"
            )
        return found

    def require_tasks(self, architecture: Architecture) -> None:
        """Raise StrataflowError if a task has no label, or if no label has a fault."""
        folders = {target for _, target, _ in self.samples}
        taught = {name for folder in folders for name in self.targets_in(folder, architecture)}
        for task in architecture.tasks:
            if TASKS[task][0] not in taught and not any(task in s.known for s in self.surveys):
                raise StrataflowError(
                    f"training: no label of {TASKS[task][0]} in any sample or survey; add labels,"
                    f" or switch the task {task} off"
                )
        if "fault" in architecture.tasks:
            self._require_faults(architecture)

    def _require_faults(self, architecture: Architecture) -> None:
        for _, target, number in self.samples:
            if "fsem" not in self.targets_in(target, architecture):
                continue
            if (read_cube(sample_path(target, number, "fsem"), self.shape) > 0).any():
                return
        if any(survey.label_counts().get("faults") for survey in self.surveys):
            return
        places = [self.samples[0][1]] if self.samples else []
        places += [s.labels["fsem"].path for s in self.surveys if "fsem" in s.labels]
        raise StrataflowError(
            f"{places[0]}: no fault in any fsem label; add samples with faults, or switch"
            " the task off"
        )

    def require_intact(self, architecture: Architecture) -> None:
        """Raise StrataflowError for the first file of another size, or with a checksum mismatch."""
        files = [self.paths(item, architecture) for item in range(len(self.samples))]
        paths = [path for inputs, targets in files for path in inputs + targets]
        for path in paths:
            require_size(path, self.shape)
        require_intact(paths)

    def fingerprint(self, architecture: Architecture) -> str:
        """Return a hash of the names, sizes and checksums of all files, to compare training sets.

        For the inputs of the refinement network it covers names and sizes only. The inference
        network regenerates them after each training, and refinement then resumes with them.
        """
        digest = hashlib.sha256()
        compared = []
        for item in range(len(self.samples)):
            inputs, targets = self.paths(item, architecture)
            for path in inputs + targets:
                digest.update(f"{path.name} {path.stat().st_size}".encode())
            compared += targets if architecture.kind == "refine" else inputs + targets
        for checksum in checksums_of(compared):
            digest.update(checksum.encode())
        for survey in self.surveys:
            for text in survey.identity():
                digest.update(text.encode())
        if self.surveys:
            digest.update(f"share {self.share}".encode())
        return digest.hexdigest()


@cache
def _attributes_in(folder: Path) -> frozenset[str]:
    """Attributes of the samples in a target folder."""
    names = {path.stem.partition("_")[2] for path in folder.glob("*_*.bin")}
    return frozenset(name for name in names if name)
