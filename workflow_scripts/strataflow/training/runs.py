"""Folders of training runs, one for each identity. No run is ever removed or overwritten."""

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

# The network of a run and all settings that change the result of the training.
Identity = dict[str, Any]


def run_name(output: Path, identity: Identity) -> Path:
    """Return the folder of a run next to `output`: its name and a hash of `identity`."""
    text = json.dumps(identity, sort_keys=True)
    return output.with_name(f"{output.name}-{xxh3_64_hexdigest(text.encode())[:10]}")


def folder_of_run(output: Path, identity: Identity) -> Path:
    """Return `output` if it is a real folder without another run, otherwise `run_name`."""
    if output.is_dir() and not output.is_symlink() and _identity_in(output) in (None, identity):
        return output
    return run_name(output, identity)


@rank_zero_only
def make_current(
    output: Path, folder: Path, identity: Identity, notify: Callable[[str], None]
) -> None:
    """Make `output` a link to `folder`, the run of `identity`.

    If `output` was another run, call `notify` with one line that lists the changed settings. That
    run is kept: if `output` is a folder rather than a link, it is renamed as in `run_name`.

    Raises:
        StrataflowError: `output` is a file.
    """
    if folder == output:
        return
    if output.exists() and not output.is_dir():
        raise StrataflowError(f"{output}: expected a folder, got a file")
    before = _identity_in(output)
    kept = output.resolve()
    if output.is_dir() and not output.is_symlink():
        kept = run_name(output, before or {})
        output.rename(kept)
    if before is not None and kept.resolve() != folder.resolve():
        changes = ", ".join(_differences(before, identity))
        what = "continuing" if _identity_in(folder) else "starting afresh"
        notify(f"training: {changes}: {what} in {folder}; the previous run is kept in {kept.name}")
    link = output.with_name(f".{output.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name, target_is_directory=True)
    os.replace(link, output)


def require_unused(output: Path, resume: str | None, identity: Identity) -> None:
    """Raise StrataflowError if a run would overwrite the checkpoints of another run.

    `resume` is the checkpoint that the run resumes from, or None for a new run.
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
    """Return the identity of the run that wrote `checkpoint`."""
    parameters = checkpoint["hyper_parameters"]
    return parameters["training"] | {"architecture": parameters["architecture"]}


def _identity_in(folder: Path) -> Identity | None:
    """Return the identity of the newest readable checkpoint in `folder`, or None."""
    for path in sorted(folder.glob("*.ckpt"), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            return identity_of(read_checkpoint(path))
        except (StrataflowError, KeyError, TypeError):
            continue
    return None


def _differences(before: Identity, after: Identity) -> Iterator[str]:
    """Yield each setting that differs with both values, or for hashes that it changed."""
    hashes = {"data": "training data", "init_weights": "initial weights", "code": "training code"}
    before, after = _flat(before), _flat(after)
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield f"{hashes[name]} changed" if name in hashes else f"{name} {old} -> {new}"


def _flat(identity: Identity) -> Identity:
    return {k: v for k, v in identity.items() if k != "architecture"} | identity["architecture"]
