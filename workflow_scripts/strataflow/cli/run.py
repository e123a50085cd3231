"""Interpret SEG-Y surveys in one call, with the shipped weights."""

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
from ..workflow.configuration import read_sheet
from ..workflow.plan import plan, snakemake_environment
from ..workflow.project import SHEET, parse_setting, prepare, unchanged
from .arguments import Parser, add_header_bytes, positive

PREDICTIONS = "results/predictions"


def main() -> None:
    """Prepare the folder, run the workflow in it, and say where the results are."""
    arguments = _parser().parse_args()
    given = {
        name: value
        for name in ("iline", "xline", "cdp_x", "cdp_y")
        if (value := getattr(arguments, name)) is not None
    }
    folder = arguments.output
    settings = dict(parse_setting(text) for text in arguments.set)
    if arguments.dry_run:
        with unchanged(folder):
            prepare(folder, arguments.survey, given, settings, arguments.train)
            print("\n".join(plan(_command(arguments))))
        return
    prepare(folder, arguments.survey, given, settings, arguments.train)
    started = time.time()
    status = _run_workflow(_command(arguments))
    if status:
        for line in _last_words(folder, started):
            sys.stderr.write(f"{line}\n")
        raise StrataflowError(
            f"the workflow stopped with exit status {status}; see the messages above. The same"
            " command resumes it"
        )
    print(_results(folder))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "Interpret SEG-Y surveys in one call: inspect the files, write a sample sheet and a"
        " configuration into a folder, run the workflow there with the shipped weights, and print"
        " where the results are. A second call reruns only what changed."
    )
    parser.add_argument(
        "survey",
        type=Path,
        nargs="*",
        help="SEG-Y files, post-stack 3D; none to run a folder again that has them",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="its folder")
    add_header_bytes(parser, None)
    parser.add_argument(
        "--train",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="train on synthetic samples first, beginning with the shipped weights",
    )
    parser.add_argument("--cores", type=positive, default=os.cpu_count() or 1, help="CPU cores")
    parser.add_argument(
        "--profile", help="settings of a cluster: slurm, or a folder with a config.yaml"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a key of the configuration, such as prediction.overlap=0.5; may be repeated",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only list the jobs that would run, one a line"
    )
    return parser


def _command(arguments: argparse.Namespace) -> list[str]:
    """Snakemake for the folder of the interpretation."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(home() / "Snakefile")]
    words += ["--directory", str(arguments.output), "--cores", str(arguments.cores)]
    if arguments.profile:
        shipped = home() / "profiles" / arguments.profile
        words += ["--profile", str(shipped if shipped.is_dir() else arguments.profile)]
    # Only the progress of the whole is shown, not each job.
    words += ["--dry-run"] if arguments.dry_run else ["--quiet", "host", "reason", "rules"]
    return [*words, "--", f"{PREDICTIONS}/"]


def _run_workflow(command: list[str]) -> int:
    """Run Snakemake to its end; a SIGTERM is passed on, so that training saves."""
    process = subprocess.Popen(command, env=snakemake_environment())

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # Snakemake got it too, and ends its jobs.
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _last_words(folder: Path, started: float) -> Iterator[str]:
    """The last line of each log of the run that ends in an error."""
    for log in sorted(folder.glob("results/**/*.log"), key=lambda path: path.stat().st_mtime):
        lines = log.read_text(errors="replace").strip().splitlines()
        if log.stat().st_mtime >= started and lines and "rror" in lines[-1]:
            yield f"{log}: {lines[-1]}"


def _results(folder: Path) -> str:
    """Where the page and the fault volumes are."""
    lines = [f"page: {(folder / PREDICTIONS / 'index.html').resolve()}"]
    for name in read_sheet(folder / SHEET):
        volume = folder / PREDICTIONS / name / f"{name}.fsem.sgy"
        raw = volume.with_suffix("")
        found = next((path for path in (volume, raw) if path.is_file()), None)
        if found:
            lines.append(f"faults of {name}: {found.resolve()}")
    return "\n".join(lines)
