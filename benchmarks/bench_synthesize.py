"""Synthetic samples: voxels a second, beside random noise of the same size.

`make bench` writes results/benchmarks/synthesize.csv and .md. The first ways run on one core in
this process, over samples of different seeds; `samples on disk` is the whole command with all
cores, files and sync included. `over noise` is the time over that of the limit in the same run:
NumPy's normal random numbers, which an image with noise cannot do without.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from results_table import (
    benchmark_parser,
    comparison,
    exponent,
    write_comparisons,
    write_exponents,
    write_table,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from conftest import SCRIPTS, folder_flags

SIDES = (64, 96, 128, 192)


def noise(side: int, seed: int) -> None:
    """The limit: normal random numbers alone."""
    np.random.default_rng(seed).standard_normal((side, side, side), dtype=np.float32)


def labelled(side: int, seed: int) -> Any:
    """Image and targets."""
    from strataflow.synthetic.earth import labelled_cube
    from strataflow.volume.raw import Shape

    return labelled_cube((1, 0, seed), Shape(side, side, side))


def labelled_and_spoiled(side: int, seed: int) -> None:
    """The same and the inputs of the refinement network."""
    from strataflow.synthetic.corruption import degrade

    cube = labelled(side, seed)
    degrade(np.random.default_rng(seed), cube.image, cube.targets)


WAYS: tuple[Callable[[int, int], Any], ...] = (noise, labelled, labelled_and_spoiled)


def seconds_of(way: Callable[[int, int], Any], side: int, seed: int) -> float:
    """Seconds of one way, in a process that uses one core."""
    start = time.perf_counter()
    way(side, seed)
    return time.perf_counter() - start


def samples_on_disk(folder: Path, side: int, count: int) -> float:
    """Seconds a sample of the whole command, with all cores."""
    words = [str(word) for word in folder_flags(folder)]
    sizes = [word for n in ("n1", "n2", "n3") for word in (f"--{n}", str(side))]
    command = [sys.executable, str(SCRIPTS / "synthesize.py"), *words, *sizes]
    start = time.perf_counter()
    subprocess.run(
        [*command, "--ntrain", str(count), "--nvalid", "0"],
        check=True,
        capture_output=True,
        timeout=1800,
    )
    return (time.perf_counter() - start) / count


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--samples", type=int, default=16)
    a = parser.parse_args()
    from strataflow.synthetic.generate import single_threaded_pool

    rows = []
    for side in SIDES:
        runs: dict[str, list[float]] = {way.__name__: [] for way in WAYS}
        with single_threaded_pool(1) as pool:
            pool.submit(labelled_and_spoiled, side, 0).result()
            for seed in tqdm(range(a.samples), f"{side} cubed"):
                for way in WAYS:
                    runs[way.__name__].append(pool.submit(seconds_of, way, side, seed).result())
        limit = statistics.median(runs["noise"])
        for name, seconds in runs.items():
            # Samples differ in what they hold, so the mean is what a thousand of them take.
            mean = statistics.mean(seconds)
            rows.append(
                {
                    "way": name,
                    "side": side,
                    "seconds": mean,
                    "spread": max(seconds) - min(seconds),
                    "million voxels a second a core": side**3 / mean / 1e6,
                    "over noise": mean / limit,
                }
            )
    cores = os.cpu_count() or 1
    a.output.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=a.output))
    try:
        each = samples_on_disk(folder, 128, a.samples)
    finally:
        shutil.rmtree(folder)
    speed = 128**3 / each / cores / 1e6
    rows.append(
        {
            "way": f"samples on disk, {cores} cores",
            "side": 128,
            "seconds": each,
            "million voxels a second a core": speed,
        }
    )
    table = pd.DataFrame(rows)
    cubes = table[table["way"] == "labelled"]
    grown = exponent(list(cubes["side"] ** 3), list(cubes["seconds"]))
    ends = (
        f"Time grows as voxels to the power of {grown:.2f}.",
        f"220 samples of 128 cubed: {220 * each / 60:.1f} minutes.",
    )
    write_table(a.output, "synthesize", f"Synthetic cubes, mean of {a.samples}", table, *ends)
    write_exponents(a.output, "synthesize", {"synthesize": grown}, "voxels")
    beside = comparison("synthesis", runs, "labelled", "noise")
    write_comparisons(a.output, "synthesize", [beside])


if __name__ == "__main__":
    main()
