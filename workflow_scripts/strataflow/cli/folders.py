"""Flags of the four folders of samples that a script writes."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..samples.files import SPLITS, Folders


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Add --dir_data_train --dir_target_train --dir_data_valid --dir_target_valid for output."""
    names = {"train": "training", "valid": "validation"}
    for split in SPLITS:
        for what, content in (("data", "inputs"), ("target", "targets")):
            parser.add_argument(
                f"--dir_{what}_{split}",
                type=Path,
                required=True,
                help=f"output folder of the {names[split]} {content}",
            )


def folders_of(arguments: argparse.Namespace) -> Folders:
    """Return the four folders from the flags of `add_folders`."""
    return Folders(
        arguments.dir_data_train,
        arguments.dir_target_train,
        arguments.dir_data_valid,
        arguments.dir_target_valid,
    )
