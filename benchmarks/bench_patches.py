"""Cutting training samples from a labelled volume beside `cp` of the same bytes.

`make bench` writes results/benchmarks/patches.csv and .md. Ours cuts the image and five labels,
spoils the labels as the refinement network needs them, and syncs; `cp` copies what that left and
syncs too. Each run is a process of its own that is timed inside, after its imports.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pandas as pd

from own_process import in_turns, measure, report
from results_table import (
    benchmark_parser,
    comparison,
    exponent,
    write_comparisons,
    write_exponents,
    write_table,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from conftest import SCRIPTS, folders_below

SIDES = (96, 128, 192)
PATCH = 64


def make_volumes(folder: Path, side: int) -> None:
    """A labelled cube as raw volumes: survey.bin and survey.<attribute>."""
    from strataflow.formats.opening import Reading, convert_survey
    from strataflow.volume.attributes import ATTRIBUTES

    sides = [word for n in ("n1", "n2", "n3") for word in (f"--{n}", str(side))]
    command = [sys.executable, str(SCRIPTS / "synthesize_survey.py"), "--output", str(folder)]
    subprocess.run([*command, "--seed", "1", *sides], check=True, capture_output=True, timeout=900)
    for name in ("image", *ATTRIBUTES):
        raw = folder / ("survey.bin" if name == "image" else f"survey.{name}")
        convert_survey(folder / f"{name}.sgy", raw, Reading(), name)


def cut(volumes: Path, out: Path) -> None:
    """The patches of a volume, all of them for training."""
    from strataflow.training.patches import make_patches
    from strataflow.volume.attributes import ATTRIBUTES
    from strataflow.volume.raw import Shape
    from strataflow.volume.volume import open_volume

    image = open_volume(volumes / "survey.bin")
    labels = {name: open_volume(volumes / f"survey.{name}", None, name) for name in ATTRIBUTES}
    make_patches(image, labels, folders_below(out), Shape(PATCH, PATCH, PATCH), 0.25, 0.0, 1)


def copied(samples: Path, out: Path) -> None:
    """The physical limit: the same bytes, on disk."""
    subprocess.run(["cp", "-r", samples, out], check=True, timeout=600)
    subprocess.run(["sync", "-f", out], check=True, timeout=600)


def one_run(way: str, source: Path, out: Path) -> None:
    """Time one way."""
    import strataflow.training.patches  # noqa: F401

    work = {"make_patches": cut, "cp": copied}[way]
    report(lambda: work(source, out))


def seconds_of(way: str, source: Path, out: Path) -> float:
    """Seconds of one way, into a folder that is not there yet."""
    shutil.rmtree(out, ignore_errors=True)
    return measure(__file__, "--one", way, str(source), str(out))[0]


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        one_run(a.one[0], Path(a.one[1]), Path(a.one[2]))
        return
    a.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for side in SIDES:
        with tempfile.TemporaryDirectory(dir=a.output) as scratch:
            volumes, samples, copy = (Path(scratch) / name for name in ("volumes", "a", "b"))
            make_volumes(volumes, side)
            ways = {
                "make_patches": partial(seconds_of, "make_patches", volumes, samples),
                "cp": partial(seconds_of, "cp", samples, copy),
            }
            runs = in_turns(ways, a.runs, f"{side} cubed")
            size = sum(path.stat().st_size for path in samples.rglob("*") if path.is_file())
        beside = comparison("patches", runs, "make_patches", "cp")
        rows.append({"side": side, "MB": size / 1e6, **beside})
    table = pd.DataFrame(rows)
    write_table(a.output, "patches", f"Patches of {PATCH} cubed, {a.runs} runs", table)
    write_comparisons(a.output, "patches", [beside])
    grown = exponent(list(table["side"] ** 3), list(table["seconds"]))
    write_exponents(a.output, "patches", {"make_patches": grown}, "voxels")


if __name__ == "__main__":
    main()
