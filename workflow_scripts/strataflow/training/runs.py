"""Folders of training runs: one for each identity. No run is ever removed or written over."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytorch_lightning.utilities import rank_zero_only
from xxhash import xxh3_64_hexdigest

from ..errors import StrataflowError
from ..network.weights import read_checkpoint

# What a run is: its network and everything else that changes what is learned.
Identity = dict[str, Any]


def run_name(output: Path, identity: Identity) -> Path:
    """The folder beside `output` of the run of `identity`: `output` and a hash of the identity."""
    text = json.dumps(identity, sort_keys=True)
    return output.with_name(f"{output.name}-{xxh3_64_hexdigest(text.encode())[:10]}")


def folder_of_run(output: Path, identity: Identity) -> Path:
    """Where the run of `identity` lies: in `output` itself if that is its folder, or beside it."""
    if output.is_dir() and not output.is_symlink() and _identity_in(output) in (None, identity):
        return output
    return run_name(output, identity)


@rank_zero_only
def make_current(
    output: Path, folder: Path, identity: Identity, notify: Callable[[str], None]
) -> None:
    """Let `output` be a link to `folder`, the run of `identity`.

    If `output` was another run, `notify` gets one line with the settings that differ. That run
    stays: a real folder is renamed as `run_name` says.

    Raises:
        StrataflowError: a file has the name of `output`.
    """
    if folder == output:
        return
    if output.exists() and not output.is_dir():
        raise StrataflowError(f"{output}: is a file; a folder is expected")
    before = _identity_in(output)
    kept = output.resolve()
    if output.is_dir() and not output.is_symlink():
        kept = run_name(output, before or {})
        output.rename(kept)
    if before is not None and kept.resolve() != folder.resolve():
        changes = ", ".join(_differences(before, identity))
        what = "continuing" if _identity_in(folder) else "starting afresh"
        notify(f"training: {changes}: {what} in {folder}; the run before is kept in {kept.name}")
    link = output.with_name(f".{output.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name, target_is_directory=True)
    os.replace(link, output)


def require_unused(output: Path, resume: str | None, identity: Identity) -> None:
    """Raise StrataflowError if a run would write over the checkpoints of another one.

    `resume` is the checkpoint that the run goes on from, None for a run from the start.
    """
    found = _identity_in(output)
    if found is None:
        return
    if resume is None:
        raise StrataflowError(
            f"{output}: holds the checkpoints of a training; continue it with --resume auto, or"
            " give another --dir_output"
        )
    if found != identity:
        changes = ", ".join(_differences(found, identity))
        raise StrataflowError(
            f"{output}: holds the checkpoints of another training ({changes}); give another"
            " --dir_output"
        )


def identity_of(checkpoint: dict[str, Any]) -> Identity:
    """What the run is that wrote `checkpoint`."""
    parameters = checkpoint["hyper_parameters"]
    return parameters["training"] | {"architecture": parameters["architecture"]}


def _identity_in(folder: Path) -> Identity | None:
    """That of the newest readable checkpoint in `folder`, None if there is none."""
    for path in sorted(folder.glob("*.ckpt"), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            return identity_of(read_checkpoint(path))
        except (StrataflowError, KeyError, TypeError):
            continue
    return None


def _differences(before: Identity, after: Identity) -> Iterator[str]:
    """Each setting that differs, with both values; hashes only as changed."""
    hashes = {"data": "training data", "init_weights": "initial weights", "code": "training code"}
    before, after = _flat(before), _flat(after)
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield f"{hashes[name]} changed" if name in hashes else f"{name} {old} -> {new}"


def _flat(identity: Identity) -> Identity:
    return {k: v for k, v in identity.items() if k != "architecture"} | identity["architecture"]
