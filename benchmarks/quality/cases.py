"""The fixed set that weights are scored on, made once and kept until its code changes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import independent
import numpy as np
import yaml

from strataflow.code import code_checksum, modules
from strataflow.errors import StrataflowError
from strataflow.files import file_checksum, require_file, scratch_folder
from strataflow.formats.opening import Reading, convert_survey
from strataflow.samples.files import require_intact, sample_path, write_checksums
from strataflow.synthetic.earth import labelled_cube
from strataflow.synthetic.generate import SYNTHESIZING_CODE
from strataflow.synthetic.scenario import Scenario
from strataflow.volume.attributes import ATTRIBUTES
from strataflow.volume.raw import Array, Shape, read_cube
from strataflow.volume.sidecar import read_sidecar
from strataflow.volume.volume import label_path

Sample = tuple[Array, dict[str, Array]]

# Cubes of each scenario and of each variant of the other generator, and their side.
CUBES, INDEPENDENT_CUBES, SIDE = 2, 2, 128

# Seed of the scenarios' cubes. Training numbers its splits 0 and 1, whatever its seed.
SEED = (2026, 9)

# Real data beside the repository, as shared/data/README.md lists them.
PUBLISHED, PUBLISHED_SIDE = Path("lanl_mtl"), 64
FIELD = Path("field/parihaka_near_crop_il256_xl320_t224_int16.sgy")
PEER = Path("field/peer/parihaka_il256_xl320_t224_faultnet_fsem.npz")


@dataclass(frozen=True)
class Case:
    """Images of one kind and the PREFIXes of their labels.

    `kind` is scenario, independent, published or field; a `negative` has no faults on purpose.
    """

    name: str
    kind: str
    images: tuple[Path, ...]
    labels: tuple[Path, ...]
    shape: Shape
    negative: bool = False

    def truths(self) -> list[dict[str, Array]]:
        """The labels of each image that there are, by attribute, arrays (n3, n2, n1)."""
        found = []
        for prefix in self.labels:
            paths = {name: label_path(prefix, name) for name in ATTRIBUTES}
            require_intact([path for path in paths.values() if path])
            found.append({n: read_cube(path, self.shape) for n, path in paths.items() if path})
        return found


@dataclass
class QualitySet:
    """The cases, the peer's fault probability of the field case, and what was left out and why."""

    cases: list[Case]
    peer: Array | None = None
    left_out: list[str] = field(default_factory=list)


def quality_set(
    config: Path, shared: Path, folder: Path, peer: Array | None, side: int = SIDE
) -> QualitySet:
    """The whole set: scenarios of `config`, the other generator, and what is in `shared`.

    Files that are made lie in `folder`, cubes are of `side`. `peer` stands for the published peer.
    """
    cases = [*scenario_cases(config, folder, side=side), *independent_cases(folder, side=side)]
    left_out = []
    if (shared / PUBLISHED).is_dir():
        cases.append(published_case(shared / PUBLISHED))
    else:
        left_out.append(f"LANL sample: {shared / PUBLISHED} is not there")
    if not (shared / FIELD).is_file():
        left_out.append(f"field crop: {shared / FIELD} is not there")
        return QualitySet(cases, None, left_out)
    cases.append(field_case(shared / FIELD, folder))
    if peer is None and (shared / PEER).is_file():
        peer = read_peer(shared / PEER)
    if peer is None:
        left_out.append(f"agreement with the peer: {shared / PEER} is not there")
    elif peer.shape != cases[-1].shape.array:
        raise StrataflowError(f"peer: {peer.shape}, the field crop is {cases[-1].shape.array}")
    return QualitySet(cases, peer, left_out)


def scenarios_of(config: Path) -> dict[str, Scenario]:
    """The scenarios of a configuration by name; those without one are numbered from 1."""
    content = yaml.safe_load(require_file(config).read_text())
    synthetic = (content or {}).get("synthetic", {})
    listed = synthetic.get("scenarios") or [{}]
    if isinstance(listed, dict):
        listed = [{"name": name} | settings for name, settings in listed.items()]
    known = {setting.name for setting in fields(Scenario)}
    found = {}
    for number, entry in enumerate(listed, start=1):
        settings: dict[str, Any] = synthetic.get("scenario", {}) | entry
        name = str(settings.get("name", f"scenario {number}"))
        if name in found:
            raise StrataflowError(f"{config}: two scenarios are named {name!r}")
        # What else there is, its name say, is not a setting of the earth.
        found[name] = Scenario(**{key: settings[key] for key in settings.keys() & known})
    return found


def scenario_cases(
    config: Path, folder: Path, cubes: int = CUBES, side: int = SIDE
) -> Iterator[Case]:
    """`cubes` held-out cubes of each scenario of `config`, the same seeds for all scenarios."""
    code = code_checksum(modules(SYNTHESIZING_CODE))
    shape = Shape(side, side, side)
    for name, scenario in scenarios_of(config).items():

        def make(number: int, scenario: Scenario = scenario) -> Sample:
            cube = labelled_cube((*SEED, number), shape, scenario)
            return cube.image, cube.targets

        digest = _digest(code, scenario, SEED, shape)
        negative = scenario.faults[1] < 1
        yield _made(name, "scenario", folder, digest, cubes, shape, make, negative)


def independent_cases(
    folder: Path, cubes: int = INDEPENDENT_CUBES, side: int = SIDE
) -> Iterator[Case]:
    """`cubes` cubes of each variant of the other generator."""
    code = code_checksum([Path(independent.__file__)])
    shape = Shape(side, side, side)
    for name, variant in independent.VARIANTS.items():

        def make(number: int, variant: independent.Variant = variant) -> Sample:
            return independent.sample(number, variant, side)

        digest = _digest(code, variant, shape)
        yield _made(f"independent, {name}", "independent", folder, digest, cubes, shape, make)


def _digest(*what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:12]


def _made(
    name: str,
    kind: str,
    folder: Path,
    digest: str,
    cubes: int,
    shape: Shape,
    make: Callable[[int], Sample],
    negative: bool = False,
) -> Case:
    """The case whose samples `make` gives by number, from `folder` where they are made already."""
    stem = re.sub(r"\W+", "_", name)
    final = folder / f"{stem}.{digest}.{cubes}"
    if not final.is_dir():
        print(f"making {cubes} cubes: {name}", flush=True)
        with scratch_folder(final) as scratch:
            made = scratch / "made"
            made.mkdir()
            for number in range(cubes):
                image, labels = make(number)
                image.astype("<f4").tofile(sample_path(made, number))
                for attribute, values in labels.items():
                    values.astype("<f4").tofile(sample_path(made, number, attribute))
            write_checksums(made)
            os.replace(made, final)
        # Those of an older scenario or code are of no use any more.
        for other in folder.glob(f"{stem}.*.{cubes}"):
            if other != final:
                shutil.rmtree(other)
    images = tuple(sample_path(final, number) for number in range(cubes))
    require_intact(list(images))
    prefixes = tuple(final / str(number) for number in range(cubes))
    return Case(name, kind, images, prefixes, shape, negative)


def published_case(folder: Path) -> Case:
    """The labelled sample of LANL `mtl`, of another generator."""
    shape = Shape(PUBLISHED_SIDE, PUBLISHED_SIDE, PUBLISHED_SIDE)
    images = (sample_path(folder / "data_train", 0),)
    return Case("LANL", "published", images, (folder / "target_train" / "0",), shape)


def field_case(segy: Path, folder: Path) -> Case:
    """The field survey, as a raw volume in `folder`; it has no labels."""
    raw = folder / f"field.{file_checksum(segy)[:12]}.bin"
    if not raw.is_file():
        convert_survey(segy, raw, Reading())
    return Case("field crop", "field", (raw,), (), read_sidecar(raw).shape)


def read_peer(path: Path) -> Array:
    """The peer's fault probability, 0 to 1, (n3, n2, n1), from an npz file of bytes `fsem`."""
    try:
        with np.load(require_file(path)) as content:
            values: Array = content["fsem"].astype(np.float32) / np.float32(255)
            return values
    except (KeyError, ValueError, OSError) as error:
        raise StrataflowError(f"{path}: not an npz file with an array fsem ({error})") from error
