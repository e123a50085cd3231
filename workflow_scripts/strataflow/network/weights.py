"""Weights files: weights and the metadata that rebuild the network, without code.

A weights file (.pth) is a dictionary of plain values and tensors. A Lightning checkpoint (.ckpt)
holds the same under `hyper_parameters` and `state_dict`. Both are read with `weights_only=True`,
which never executes code from the file.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from ..errors import StrataflowError
from ..files import require_file, require_format
from .architecture import Architecture
from .model import MultiTaskNetwork

FORMAT = "strataflow weights 1"


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a .ckpt or .pth file; raise StrataflowError if it is damaged or not from strataflow."""
    require_file(path)
    _require_intact(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # The unpickler may raise any exception for a malformed file.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StrataflowError(f"{path}: not a readable checkpoint ({reason})") from error
    if not isinstance(content, dict) or not {"hyper_parameters", "state_dict"} <= content.keys():
        raise StrataflowError(f"{path}: not a strataflow checkpoint")
    require_format(path, content.get("format", FORMAT), FORMAT)
    stored = content["hyper_parameters"]
    if not isinstance(stored, dict) or "architecture" not in stored:
        raise StrataflowError(f"{path}: not a strataflow checkpoint: it holds no architecture")
    return content


def _require_intact(path: Path) -> None:
    """Raise StrataflowError if a checksum of the ZIP archive does not match.

    PyTorch writes these checksums but does not check them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise StrataflowError(f"{path}: not a readable checkpoint ({error})") from error
    if damaged:
        raise StrataflowError(
            f"{path}: checksum mismatch in {damaged}: the file is damaged; regenerate it"
        )


def architecture_of(content: dict[str, Any]) -> Architecture:
    """Architecture stored with the weights."""
    stored = content["hyper_parameters"]["architecture"]
    # Older files have no design number and use design 1.
    return Architecture(
        stored["kind"], stored["preset"], tuple(stored["tasks"]), stored.get("design", 1)
    )


def network_state(content: dict[str, Any]) -> dict[str, torch.Tensor]:
    """State of the network, without the task weights of the loss that checkpoints hold too."""
    prefix = "network."
    return {
        k.removeprefix(prefix): v for k, v in content["state_dict"].items() if k.startswith(prefix)
    }


def load_network(path: Path, kind: str, tasks: tuple[str, ...]) -> MultiTaskNetwork:
    """Load a network in eval mode.

    Args:
        path: Weights, .ckpt or .pth.
        kind: Required kind, infer or refine.
        tasks: Required tasks.

    Raises:
        StrataflowError: The file is damaged, or the kind or the tasks do not match.
    """
    content = read_checkpoint(path)
    architecture = architecture_of(content)
    if architecture.kind != kind:
        raise StrataflowError(
            f"{path}: expected a network of kind '{kind}', got '{architecture.kind}'"
        )
    missing = [task for task in tasks if task not in architecture.tasks]
    if missing:
        raise StrataflowError(
            f"{path}: the network lacks the tasks {', '.join(missing)}; "
            f"it has {', '.join(architecture.tasks)}"
        )
    network = MultiTaskNetwork(architecture)
    load_state(network, network_state(content), path)
    return network.eval()


def load_state(network: MultiTaskNetwork, state: dict[str, torch.Tensor], path: Path) -> None:
    """Load `state`, read from `path`, into `network`; raise StrataflowError if they differ."""
    try:
        network.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        )
    except RuntimeError as error:
        raise StrataflowError(f"{path}: the weights do not match the network") from error
