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
from pathlib import Path

import pandas as pd
from own_process import measure, report
from results_table import comparison, exponent, write_comparisons, write_exponents, write_table
from tqdm import tqdm

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

SIDES = (96, 128, 192)
PATCH = 64


def make_volumes(folder: Path, side: int) -> None:
    """A labelled cube as raw volumes: survey.bin and survey.<attribute>."""
    from strataflow.attributes import ATTRIBUTES
    from strataflow.segy_import import segy_to_binary
    from strataflow.volumes import HeaderBytes

    sides = [word for n in ("n1", "n2", "n3") for word in (f"--{n}", str(side))]
    command = [sys.executable, str(SCRIPTS / "synthesize_survey.py"), "--output", str(folder)]
    subprocess.run([*command, "--seed", "1", *sides], check=True, capture_output=True, timeout=900)
    for name in ("image", *ATTRIBUTES):
        raw = folder / ("survey.bin" if name == "image" else f"survey.{name}")
        segy_to_binary(folder / f"{name}.sgy", raw, HeaderBytes(), attribute=name)


def cut(volumes: Path, out: Path) -> None:
    """The patches of a volume, all of them for training."""
    from strataflow.attributes import ATTRIBUTES
    from strataflow.patches import make_patches
    from strataflow.samples import Folders, Shape
    from strataflow.volumes import open_volume

    names = ("data_train", "target_train", "data_valid", "target_valid")
    folders = Folders(*(out / name for name in names))
    image = open_volume(volumes / "survey.bin")
    labels = {name: open_volume(volumes / f"survey.{name}", None, name) for name in ATTRIBUTES}
    make_patches(image, labels, folders, Shape(PATCH, PATCH, PATCH), 0.25, 0.0, 1)


def copied(samples: Path, out: Path) -> None:
    """The physical limit: the same bytes, on disk."""
    subprocess.run(["cp", "-r", samples, out], check=True, timeout=600)
    subprocess.run(["sync", "-f", out], check=True, timeout=600)


def one_run(way: str, source: Path, out: Path) -> None:
    """Time one way."""
    import strataflow.patches  # noqa: F401

    work = {"make_patches": cut, "cp": copied}[way]
    report(lambda: work(source, out))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        one_run(a.one[0], Path(a.one[1]), Path(a.one[2]))
        return
    a.output.mkdir(parents=True, exist_ok=True)
    rows, times = [], {}
    for side in SIDES:
        with tempfile.TemporaryDirectory(dir=a.output) as scratch:
            volumes, samples, copy = (Path(scratch) / name for name in ("volumes", "a", "b"))
            make_volumes(volumes, side)
            runs: dict[str, list[float]] = {"make_patches": [], "cp": []}
            for _ in tqdm(range(a.runs), f"{side} cubed"):
                for way, source, out in (
                    ("make_patches", volumes, samples),
                    ("cp", samples, copy),
                ):
                    shutil.rmtree(out, ignore_errors=True)
                    runs[way].append(measure(__file__, "--one", way, str(source), str(out))[0])
            size = sum(path.stat().st_size for path in samples.rglob("*") if path.is_file())
        row = comparison("patches", runs, "make_patches", "cp")
        times[side**3] = row["seconds"]
        rows.append({"side": side, "MB": size / 1e6, **row})
    table = pd.DataFrame(rows)
    write_table(a.output, "patches", f"Patches of {PATCH} cubed, {a.runs} runs", table)
    largest = {key: value for key, value in rows[-1].items() if key not in ("side", "MB")}
    write_comparisons(a.output, "patches", [largest])
    grown = exponent(list(times), [float(str(s)) for s in times.values()])
    write_exponents(a.output, "patches", {"make_patches": grown}, "voxels")


if __name__ == "__main__":
    main()
