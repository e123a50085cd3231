"""Shared by all scripts: argument parsing, common flags and one-line errors."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from typing import NoReturn

from ..errors import StrataflowError
from ..segy.fields import parse_position
from ..volume.attributes import PROBABILITY
from ..volume.raw import Shape
from ..volume.sidecar import HeaderBytes

# Name of the running command in messages, if it differs from the name of its script.
program: str | None = None


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Show the default of a flag in its help, unless it has none."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Argument parser that shows defaults in its help and reports errors in one line."""

    def __init__(self, description: str) -> None:
        super().__init__(
            prog=program,
            description=description,
            formatter_class=_HelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Print `message` in one line and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def boolean(text: str) -> bool:
    """Parse True or False, as in `--rgt True`."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"expected True or False, got {text!r}")
    return words[text.lower()]


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return value


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def not_negative(text: str) -> int:
    """Parse a whole number of at least 0."""
    return 0 if text == "0" else positive(text)


def fraction(text: str) -> float:
    """Parse a number of at least 0 and below 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a number of at least 0 and below 1, got {text!r}"
        )
    return value


def probability(text: str) -> float:
    """Parse a number above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 1, got {text!r}")
    return value


def add_probability(parser: argparse.ArgumentParser) -> None:
    """Add --probability."""
    parser.add_argument(
        "--probability",
        type=probability,
        default=PROBABILITY,
        help="minimum probability of a fault voxel",
    )


def add_shape(parser: argparse.ArgumentParser, default: int | None = None) -> None:
    """Add --n1 --n2 --n3."""
    for name, axis in (("n1", "samples"), ("n2", "crosslines"), ("n3", "inlines")):
        parser.add_argument(f"--{name}", type=positive, default=default, help=f"number of {axis}")


def add_interval(parser: argparse.ArgumentParser) -> None:
    """Add --interval."""
    parser.add_argument(
        "--interval",
        type=above_zero,
        help="sample interval in ms, m or ft, if the file does not say",
    )


def shape_of(arguments: argparse.Namespace) -> Shape | None:
    """Return the shape from --n1 --n2 --n3, or None if none of them is given.

    Raises:
        StrataflowError: Only some of them are given.
    """
    given = {name: getattr(arguments, name) for name in ("n1", "n2", "n3")}
    if all(value is None for value in given.values()):
        return None
    missing = [f"--{name}" for name, value in given.items() if value is None]
    if missing:
        raise StrataflowError(
            f"--n1 --n2 --n3 must be given together, missing: {' '.join(missing)}"
        )
    return Shape(**given)


def header_position(text: str) -> int | str:
    """A byte position of a trace header field, with or without a type, as in 217:int32."""
    try:
        parse_position(text)
    except StrataflowError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return int(text) if text.isdecimal() else text


def add_header_bytes(parser: argparse.ArgumentParser, standard: HeaderBytes | None) -> None:
    """Add --iline --xline --cdp_x --cdp_y, byte positions in the trace header.

    Args:
        parser: Parser to extend.
        standard: Defaults; None if positions that are left out are found in the file.
    """
    found = "" if standard else "; found in the file if left out"
    for name, what in (
        ("iline", "inline number"),
        ("xline", "crossline number"),
        ("cdp_x", "CDP easting"),
        ("cdp_y", "CDP northing"),
    ):
        parser.add_argument(
            f"--{name}",
            type=header_position,
            default=getattr(standard, name, None),
            metavar="BYTE",
            help=f"byte of the {what} in the trace header, such as 189 or 217:int32{found}",
        )


def header_bytes_of(arguments: argparse.Namespace) -> HeaderBytes:
    """Return the byte positions from --iline --xline --cdp_x --cdp_y."""
    return HeaderBytes(arguments.iline, arguments.xline, arguments.cdp_x, arguments.cdp_y)


def add_tasks(parser: argparse.ArgumentParser) -> None:
    """Add --rgt --dhr --fault."""
    for name, what in (
        ("rgt", "relative geologic time"),
        ("dhr", "denoised, higher-resolution image"),
        ("fault", "fault probability, dip and strike"),
    ):
        parser.add_argument(f"--{name}", type=boolean, default=True, metavar="BOOL", help=what)


def tasks_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the tasks that are switched on. Raise StrataflowError if there is none."""
    tasks = tuple(task for task in ("dhr", "rgt", "fault") if getattr(arguments, task))
    if not tasks:
        raise StrataflowError("--rgt --dhr --fault: at least one must be True")
    return tasks


def run(main: Callable[[], None]) -> NoReturn:
    """Run a script. Exit with status 0, or with 1 and a one-line error on standard error.

    What the library logs goes to standard output; from Python, it goes where the caller says.
    """
    told = logging.StreamHandler(sys.stdout)
    told.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("strataflow")
    logger.addHandler(told)
    logger.setLevel(logging.INFO)
    try:
        main()
    except (StrataflowError, OSError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, MemoryError):
            reason = f"not enough memory: {reason}"
        sys.exit(f"{_program()}: error: {reason}")
    except KeyboardInterrupt:
        sys.stderr.write(f"{_program()}: interrupted\n")
        sys.exit(130)
    finally:
        logger.removeHandler(told)
    sys.exit(0)


def _program() -> str:
    return program or sys.argv[0].rsplit("/", 1)[-1]
