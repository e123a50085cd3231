"""Files of another version of our own formats are refused by name, not taken for this one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from random_network import network, stored
from strataflow.errors import StrataflowError
from strataflow.network.weights import read_checkpoint
from strataflow.prediction.slabs import Slab, description_path, read_description, write_description
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar, read_sidecar
from strataflow.volume.volume import attribute_path, write_volume

SHAPE = Shape(16, 16, 16)


def volume(folder: Path) -> tuple[Path, Callable[[], object]]:
    raw = folder / "x.dhr"
    write_volume(raw, np.ones(SHAPE.array, np.float32), plain_sidecar(SHAPE, "dhr"))
    return folder / "x.dhr.json", lambda: read_sidecar(raw)


def slab(folder: Path) -> tuple[Path, Callable[[], object]]:
    volume(folder)
    path = description_path(folder / "x")
    described = Slab(0, 1, SHAPE.array, SHAPE.array, 0.25, ("dhr",))
    write_description(path, described, {"dhr": attribute_path(folder / "x", "dhr")})
    return path, lambda: read_description(folder / "x")


@pytest.mark.parametrize("kind", [volume, slab])
def test_descriptions_of_another_version_are_refused(
    tmp_path: Path, kind: Callable[[Path], tuple[Path, Callable[[], object]]]
) -> None:
    path, read = kind(tmp_path)
    read()
    content = json.loads(path.read_text())
    content["format"] = content["format"].replace(" 1", " 2")
    path.write_text(json.dumps(content))
    expected = f"{path.name}: unsupported format .*{kind.__name__} 2', expected"
    with pytest.raises(StrataflowError, match=expected):
        read()


def test_weights_of_another_version_are_refused(tmp_path: Path) -> None:
    path = stored(network(), tmp_path / "x.pth")
    content = read_checkpoint(path)
    torch.save(content | {"format": "strataflow weights 2"}, path)
    with pytest.raises(StrataflowError, match=r"x\.pth: .* 'strataflow weights 2', expected"):
        read_checkpoint(path)
