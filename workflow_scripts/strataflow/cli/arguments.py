"""What the command-line scripts share: parsing, and one line for each error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ..errors import StrataflowError
from ..samples.files import SPLITS, Folders
from ..volume.attributes import PROBABILITY
from ..volume.raw import Shape
from ..volume.volume import HeaderBytes

# How the running command is called where it is not the name of its script.
program: str | None = None


class Parser(argparse.ArgumentParser):
    """Argument parser that shows defaults in its help and answers a mistake with one line."""

    def __init__(self, description: str) -> None:
        super().__init__(
            prog=program,
            description=description,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and `message` in one line."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def boolean(text: str) -> bool:
    """True or False as in the original guide: `--rgt True`."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"True or False expected, got {text!r}")
    return words[text.lower()]


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 expected, got {text!r}")
    return value


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number above 0 expected, got {text!r}")
    return value


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    return 0 if text == "0" else positive(text)


def fraction(text: str) -> float:
    """A number from 0 up to, but not, 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"a number from 0 to below 1 expected, got {text!r}")
    return value


def probability(text: str) -> float:
    """A number above 0 and up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"a number above 0, to 1, expected, got {text!r}")
    return value


def add_probability(parser: argparse.ArgumentParser) -> None:
    """Add --probability."""
    parser.add_argument(
        "--probability",
        type=probability,
        default=PROBABILITY,
        help="a voxel is a fault where its probability is at least this",
    )


def add_shape(parser: argparse.ArgumentParser, default: int | None = None) -> None:
    """Add --n1 --n2 --n3."""
    for name, axis in (("n1", "samples"), ("n2", "crosslines"), ("n3", "inlines")):
        parser.add_argument(f"--{name}", type=positive, default=default, help=f"number of {axis}")


def shape_of(arguments: argparse.Namespace) -> Shape | None:
    """The shape given by --n1 --n2 --n3, or None when none of them is."""
    given = {name: getattr(arguments, name) for name in ("n1", "n2", "n3")}
    if all(value is None for value in given.values()):
        return None
    missing = [f"--{name}" for name, value in given.items() if value is None]
    if missing:
        raise StrataflowError(f"--n1 --n2 --n3 go together, {' '.join(missing)} missing")
    return Shape(**given)


def add_header_bytes(parser: argparse.ArgumentParser) -> None:
    """Add --iline --xline --cdp_x --cdp_y, byte positions in the trace header."""
    standard = HeaderBytes()
    for name, what in (
        ("iline", "inline number"),
        ("xline", "crossline number"),
        ("cdp_x", "CDP easting"),
        ("cdp_y", "CDP northing"),
    ):
        parser.add_argument(
            f"--{name}",
            type=positive,
            default=getattr(standard, name),
            metavar="BYTE",
            help=f"byte position of the {what} in the trace header",
        )


def header_bytes_of(arguments: argparse.Namespace) -> HeaderBytes:
    """The byte positions that were given."""
    return HeaderBytes(arguments.iline, arguments.xline, arguments.cdp_x, arguments.cdp_y)


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Add --dir_data_train --dir_target_train --dir_data_valid --dir_target_valid for writing."""
    for split in SPLITS:
        for what in ("data", "target"):
            parser.add_argument(
                f"--dir_{what}_{split}",
                type=Path,
                required=True,
                help=f"folder of the {split} {what}",
            )


def folders_of(arguments: argparse.Namespace) -> Folders:
    """The four folders that were given."""
    return Folders(
        arguments.dir_data_train,
        arguments.dir_target_train,
        arguments.dir_data_valid,
        arguments.dir_target_valid,
    )


def add_tasks(parser: argparse.ArgumentParser) -> None:
    """Add --rgt --dhr --fault."""
    for name, what in (
        ("rgt", "relative geologic time"),
        ("dhr", "denoised, higher-resolution image"),
        ("fault", "faults with dip and strike"),
    ):
        parser.add_argument(f"--{name}", type=boolean, default=True, metavar="BOOL", help=what)


def tasks_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The tasks that are switched on; StrataflowError when none is."""
    tasks = tuple(task for task in ("dhr", "rgt", "fault") if getattr(arguments, task))
    if not tasks:
        raise StrataflowError("--rgt --dhr --fault: at least one must be True")
    return tasks


def run(main: Callable[[], None]) -> NoReturn:
    """Run a script: exit status 0, or 1 with a one-line reason on standard error."""
    try:
        main()
    except (StrataflowError, OSError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        sys.exit(f"{program or sys.argv[0].rsplit('/', 1)[-1]}: error: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
