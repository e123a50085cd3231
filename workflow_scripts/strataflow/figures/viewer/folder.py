"""A folder of results/predictions/: its volumes, opened without reading them, and its picks."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ...errors import StrataflowError
from ...volume.attributes import ATTRIBUTES, DELIVERABLE
from ...volume.raw import Shape
from ...volume.sidecar import Sidecar, sidecar_path
from ...volume.volume import Volume, attribute_path, open_volume
from .picks import Picks, read_picks

# Name of the input image among the volumes.
IMAGE = "image"


@dataclass(frozen=True)
class Prediction:
    """A predicted volume.

    Attributes:
        name: Name of the volume.
        volumes: Volumes by attribute, and the input image.
        picks: Faults and horizons. A thread reads them, so that the first picture does not wait.
        notes: What the folder does not have, in words.
    """

    name: str
    volumes: dict[str, Volume]
    picks: Future[Picks]
    notes: list[str]

    @property
    def sidecar(self) -> Sidecar:
        """Geometry of the volumes."""
        return next(iter(self.volumes.values())).sidecar

    @property
    def shape(self) -> Shape:
        """Size of the volumes."""
        return self.sidecar.shape

    def picked(self) -> Picks:
        """Faults and horizons as far as they have been read."""
        return self.picks.result() if self.picks.done() else Picks()


def open_folder(folder: Path, image: Path | None = None) -> Prediction:
    """Open the volumes of a prediction, and start to read its faults and horizons.

    Args:
        folder: A folder of results/predictions/, or an output folder of the workflow with one
            volume.
        image: Raw volume of the input image, if it is shown too. If it is left out, it is looked
            for among the results of the workflow.

    Raises:
        StrataflowError: The folder has no predictions or those of several volumes, or sizes differ.
    """
    prefix = _prefix(_folder_of_volume(folder))
    image = image or _image_of(prefix)
    # Skip the checksums, so that large volumes open at once; the other programs check them.
    volumes = {IMAGE: open_volume(image, intact=False)} if image else {}
    for name in DELIVERABLE:
        path = attribute_path(prefix, name)
        if path.is_file():
            if not sidecar_path(path).is_file():
                raise StrataflowError(
                    f"{path}: its sidecar {sidecar_path(path).name}, which has the size, is "
                    "missing; copy it from the results too"
                )
            volumes[name] = open_volume(path, None, name, intact=False)
    if len({volume.shape for volume in volumes.values()}) > 1:
        sizes = ", ".join(f"{volume.path.name}: {volume.shape}" for volume in volumes.values())
        raise StrataflowError(f"{folder}: volumes differ in size: {sizes}")
    notes = [] if image else ["The input image is not shown: --image X.bin adds it."]
    sidecar = next(iter(volumes.values())).sidecar
    if sidecar.is_line:
        notes.append("A 2D line: dips are apparent, in the plane of the line; there is no strike.")
        # Earlier versions delivered zeros.
        volumes.pop("fstrike", None)
    expected = [name for name in ATTRIBUTES if not (name == "fstrike" and sidecar.is_line)]
    missing = [name for name in expected if name not in volumes]
    if missing:
        notes.append(f"The folder does not have {', '.join(missing)}.")
    with_one_thread = ThreadPoolExecutor(max_workers=1)
    picks = with_one_thread.submit(read_picks, prefix, sidecar)
    with_one_thread.shutdown(wait=False)
    return Prediction(prefix.name, volumes, picks, notes)


def _folder_of_volume(folder: Path) -> Path:
    """Return `folder`, or the folder below it that has the only volume of a workflow."""
    if any(next(folder.glob(f"*.{name}"), None) for name in DELIVERABLE):
        return folder
    for place in (folder, folder / "predictions", folder / "results" / "predictions"):
        found = sorted({path.parent for name in DELIVERABLE for path in place.glob(f"*/*.{name}")})
        if len(found) > 1:
            raise StrataflowError(
                f"{folder}: has several volumes; choose one of: {' '.join(map(str, found))}"
            )
        if found:
            return found[0]
    return folder


def _image_of(prefix: Path) -> Path | None:
    """Path of the raw image of a volume that the workflow predicted, if it is still there."""
    name = prefix.name
    results = prefix.absolute().parent.parent.parent
    image = results / "segy_to_binary" / name / f"{name}.bin"
    return image if image.is_file() and sidecar_path(image).is_file() else None


def _prefix(folder: Path) -> Path:
    """PREFIX of the attributes in `folder`."""
    if not folder.is_dir():
        raise StrataflowError(f"{folder}: no such folder")
    prefixes = {path.with_suffix("") for name in DELIVERABLE for path in folder.glob(f"*.{name}")}
    if not prefixes:
        raise StrataflowError(f"{folder}: no predictions found, expected X.fsem, X.rgt or others")
    if len(prefixes) > 1:
        names = " ".join(sorted(prefix.name for prefix in prefixes))
        raise StrataflowError(f"{folder}: expected one volume, found several volumes: {names}")
    (prefix,) = prefixes
    return prefix
