"""Prediction and refinement of whole volumes and of training samples."""

from __future__ import annotations

import os
from pathlib import Path

from tqdm import tqdm

from ..errors import StrataflowError
from ..files import scratch_folder
from ..network.model import MultiTaskNetwork
from ..samples.files import count_samples, deliver_samples, require_intact, sample_path
from ..volume.attributes import (
    PROBABILITY,
    attributes_of,
)
from ..volume.raw import Shape
from ..volume.volume import attribute_path, open_volume
from .averaging import ONE_COPY, Averaging
from .engine import predict_slab
from .join import join_slabs
from .sources import Source, attribute_source, image_source
from .tiling import Tiling


def predict_volume(
    network: MultiTaskNetwork,
    source: Source,
    output: Path,
    tasks: tuple[str, ...],
    tiling: Tiling,
    show_progress: bool = True,
    averaging: Averaging = ONE_COPY,
    probability: float = PROBABILITY,
) -> None:
    """Predict the attributes of a volume and write `output`.<attribute> with sidecars.

    Args:
        network: An inference network or, without `averaging`, a refinement network.
        source: Input of the network.
        output: PREFIX of the attributes.
        tasks: Tasks to predict.
        tiling: Tile size, overlap and precision.
        show_progress: Whether to show a progress bar.
        averaging: Copies of the input whose predictions are averaged.
        probability: Minimum fault probability of voxels with dip and strike.

    Raises:
        StrataflowError: The input is too small, damaged or not finite.
    """
    with scratch_folder(output) as scratch:
        slab = scratch / "slab"
        predict_slab(
            *(network, source, slab, tasks, tiling),
            show_progress=show_progress,
            averaging=averaging,
            probability=probability,
        )
        join_slabs([slab], source.volume, output)


def predict_samples(
    network: MultiTaskNetwork,
    folder: Path,
    output: Path,
    tasks: tuple[str, ...],
    tiling: Tiling,
    shape: Shape,
) -> None:
    """Predict the attributes of all sample images in a folder.

    Args:
        network: An inference network.
        folder: Folder of the images I.bin.
        output: Folder for the attributes I_<attribute>.bin.
        tasks: Tasks to predict.
        tiling: Tile size, overlap and precision.
        shape: Size of the samples.

    Raises:
        StrataflowError: An image is missing, damaged or of another size, or `output` is `folder`.
    """
    if output.resolve() == folder.resolve():
        raise StrataflowError(f"{output}: expected another folder than that of the images")
    images = [sample_path(folder, number) for number in range(count_samples(folder))]
    require_intact(images)
    with scratch_folder(output) as scratch:
        made = []
        for number, image in enumerate(tqdm(images, unit="sample")):
            source = image_source(open_volume(image, shape))
            prefix = scratch / str(number)
            predict_volume(network, source, prefix, tasks, tiling, show_progress=False)
            for name in attributes_of(tasks):
                made.append(sample_path(scratch, number, name))
                os.replace(attribute_path(prefix, name), made[-1])
        deliver_samples({output: made})


def refine_volume(
    network: MultiTaskNetwork,
    given: Path,
    output: Path,
    iterations: int,
    tiling: Tiling,
    shape: Shape | None = None,
    probability: float = PROBABILITY,
) -> None:
    """Refine the attributes `given`.<attribute> and write `output`.<attribute>.

    Args:
        network: A refinement network. All of its tasks are written.
        given: PREFIX of the input attributes.
        output: PREFIX of the refined attributes.
        iterations: Number of refinements.
        tiling: Tile size, overlap and precision.
        shape: Size of the volume; required without sidecars.
        probability: Minimum fault probability of voxels with dip and strike.
    """
    tasks = network.architecture.tasks
    with scratch_folder(output.with_name(f"{output.name}.iterations")) as scratch:
        for iteration in range(iterations):
            last = iteration + 1 == iterations
            refined = output if last else scratch / str(iteration)
            source = attribute_source(given, tasks, shape, probability)
            predict_volume(network, source, refined, tasks, tiling, probability=probability)
            given, shape = refined, None
