"""Interpret surveys with the shipped weights in one command."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from ..errors import StrataflowError
from ..home import home
from ..workflow.plan import plan, snakemake_environment
from ..workflow.project import SHEET, parse_setting, prepare, unchanged
from ..workflow.sheet import read_sheet
from .arguments import (
    Parser,
    add_header_bytes,
    add_interval,
    add_shape,
    positive,
    shape_of,
)

PREDICTIONS = "results/predictions"


def main() -> None:
    """Prepare the folder, run the workflow in it, and print the paths of the results."""
    arguments = _parser().parse_args()
    shape_of(arguments)
    given = {
        name: value
        for name in ("iline", "xline", "cdp_x", "cdp_y", "n1", "n2", "n3", "interval")
        if (value := getattr(arguments, name)) is not None
    }
    folder = arguments.output
    settings = dict(parse_setting(text) for text in arguments.set)
    control = {
        name: value
        for name in ("horizons", "control_points")
        if (value := getattr(arguments, name)) is not None
    }
    if arguments.dry_run:
        with unchanged(folder):
            prepare(folder, arguments.survey, given, settings, arguments.train, control)
            print("\n".join(plan(_command(arguments))))
        return
    prepare(folder, arguments.survey, given, settings, arguments.train, control)
    started = time.time()
    status = _run_workflow(_command(arguments))
    if status:
        for line in _errors_in_logs(folder, started):
            sys.stderr.write(f"{line}\n")
        raise StrataflowError(
            f"the workflow stopped with exit status {status}; see the errors above, then repeat"
            " the command to resume"
        )
    print(_results(folder))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "Interpret surveys in one command: inspect the files, write a sample sheet and a"
        " configuration to a folder, run the workflow there with the shipped weights, and print"
        " the paths of the results. Repeating the command reruns only what changed."
    )
    parser.add_argument(
        "survey",
        type=Path,
        nargs="*",
        help="stacked surveys, 3D or 2D lines: SEG-Y, .zgy, .vds, .mdio, .npy, or raw volumes with"
        " --n1 --n2 --n3; none to rerun an existing folder",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of the sample sheet, the configuration and the results",
    )
    add_header_bytes(parser, None)
    add_shape(parser)
    add_interval(parser)
    parser.add_argument(
        "--horizons",
        metavar="FILES",
        help="horizons that geologic time must follow: a folder, or files separated by ;",
    )
    parser.add_argument(
        "--control_points",
        metavar="FILE",
        help="points that geologic time must follow: a table of set, inline, crossline, time",
    )
    parser.add_argument(
        "--train",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="fine-tune the shipped weights on synthetic samples first",
    )
    parser.add_argument("--cores", type=positive, default=os.cpu_count() or 1, help="CPU cores")
    parser.add_argument(
        "--profile", help="Snakemake profile: slurm, or a folder with a config.yaml"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a configuration key, such as prediction.overlap=0.5; may be repeated",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only list the jobs that would run, one per line"
    )
    return parser


def _command(arguments: argparse.Namespace) -> list[str]:
    """Return the Snakemake command for the folder."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(home() / "Snakefile")]
    words += ["--directory", str(arguments.output), "--cores", str(arguments.cores)]
    if arguments.profile:
        shipped = home() / "profiles" / arguments.profile
        words += ["--profile", str(shipped if shipped.is_dir() else arguments.profile)]
    # Show only the overall progress, not each job.
    words += ["--dry-run"] if arguments.dry_run else ["--quiet", "host", "reason", "rules"]
    return [*words, "--", f"{PREDICTIONS}/"]


def _run_workflow(command: list[str]) -> int:
    """Run Snakemake and return its exit status. Forward SIGTERM, so that training saves."""
    process = subprocess.Popen(command, env=snakemake_environment())

    def forward(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, forward)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # Snakemake also received the signal, and ends its jobs.
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _errors_in_logs(folder: Path, started: float) -> Iterator[str]:
    """Yield the last line of each log of this run that ends with an error."""
    for log in sorted(folder.glob("results/**/*.log"), key=lambda path: path.stat().st_mtime):
        lines = log.read_text(errors="replace").strip().splitlines()
        if log.stat().st_mtime >= started and lines and "rror" in lines[-1]:
            yield f"{log}: {lines[-1]}"


def _results(folder: Path) -> str:
    """Return the paths of the results page and of the fault volumes."""
    lines = [f"page: {(folder / PREDICTIONS / 'index.html').resolve()}"]
    for name in read_sheet(folder / SHEET):
        volume = folder / PREDICTIONS / name / f"{name}.fsem.sgy"
        raw = volume.with_suffix("")
        found = next((path for path in (volume, raw) if path.is_file()), None)
        if found:
            lines.append(f"faults of {name}: {found.resolve()}")
    return "\n".join(lines)
