"""SEG-Y reading and writing beside `cp` and other readers, in one run on one machine.

`make bench` writes results/benchmarks/segy.csv and .md: seconds as the median of the runs, their
spread, the ratio to `cp` in the same run, and peak anonymous memory. Each run is a process of its
own that is timed inside, after its imports; `command` is a whole command, imports and all.
`durable` is until the data are on disk, as ours always are; `cp` and the peers leave that open.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
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

SCRIPTS = Path(__file__).resolve().parents[1] / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

TRACE_SAMPLES, CROSSLINES = 1000, 500


def make_survey(folder: Path, gigabytes: float, sample_format: str) -> Path:
    """A survey of noise of about that size, and the raw volume that it was made of."""
    from strataflow.formats.opening import Reading, convert_survey
    from strataflow.segy.new_survey import write_survey
    from strataflow.segy.writer import export_segy
    from strataflow.synthetic.survey import survey_sidecar
    from strataflow.volume.raw import Shape
    from strataflow.volume.sidecar import HeaderBytes
    from strataflow.volume.volume import open_volume

    inlines = round(gigabytes * 1e9 / (CROSSLINES * (240 + 4 * TRACE_SAMPLES)))
    shape = Shape(TRACE_SAMPLES, CROSSLINES, inlines)
    section = np.random.default_rng(1).normal(0, 1000, (CROSSLINES, TRACE_SAMPLES))
    values = np.broadcast_to(section.astype(np.float32), shape.array)
    write_survey(folder, {"ieee": values}, survey_sidecar(shape), "BENCHMARK")
    convert_survey(folder / "ieee.sgy", folder / "volume.bin", Reading())
    volume = open_volume(folder / "volume.bin")
    export_segy(volume, folder / "ieee.sgy", folder / "ibm.sgy", HeaderBytes(), "ibm")
    return folder / f"{sample_format}.sgy"


def read_cp(segy: Path, out: Path) -> None:
    """The physical limit."""
    subprocess.run(["cp", segy, out], check=True, timeout=600)


def read_cp_durable(segy: Path, out: Path) -> None:
    """The same until it is on disk."""
    read_cp(segy, out)
    subprocess.run(["sync", out], check=True, timeout=600)


def leave_in_memory() -> None:
    """Do without the sync, as `cp` does."""
    vars(os).update(fsync=lambda _: None, posix_fadvise=lambda *_: None)


def read_ours_durable(segy: Path, out: Path) -> None:
    """Raw volume, sidecar and statistics."""
    from strataflow.formats.opening import Reading, convert_survey

    convert_survey(segy, out.with_suffix(".bin"), Reading())


def read_ours(segy: Path, out: Path) -> None:
    """The same without the sync."""
    leave_in_memory()
    read_ours_durable(segy, out)


def read_ours_command(segy: Path, out: Path) -> None:
    """The whole command."""
    words = ["--input", str(segy), "--output", str(out.with_suffix(".bin"))]
    script = str(SCRIPTS / "segy_to_binary.py")
    subprocess.run([sys.executable, script, *words], check=True, timeout=600)


def read_cigsegy(segy: Path, out: Path) -> None:
    """cigsegy.tofile."""
    import cigsegy

    cigsegy.tofile(str(segy), str(out), iline=189, xline=193)


def read_segyio_cube(segy: Path, out: Path) -> None:
    """segyio.tools.cube, then the cube to a file."""
    import segyio

    segyio.tools.cube(str(segy)).tofile(out)


def read_segy(segy: Path, out: Path) -> None:
    """All samples by the package segy, then to a file."""
    from segy import SegyFile

    SegyFile(str(segy)).sample[:].tofile(out)


def export_ours_durable(segy: Path, out: Path) -> None:
    """A raw volume back to SEG-Y in the format of the survey."""
    from strataflow.segy.writer import export_segy
    from strataflow.volume.sidecar import HeaderBytes
    from strataflow.volume.volume import open_volume

    volume = open_volume(segy.with_name("volume.bin"))
    export_segy(volume, segy, out.with_suffix(".sgy"), HeaderBytes(), segy.stem)


def export_ours(segy: Path, out: Path) -> None:
    """The same without the sync."""
    leave_in_memory()
    export_ours_durable(segy, out)


def export_segyio(segy: Path, out: Path) -> None:
    """A copy of the survey whose samples segyio replaces, trace by trace."""
    import segyio

    shutil.copyfile(segy, out)
    with segyio.open(out, "r+", ignore_geometry=True) as exported:
        n1 = len(exported.samples)
        exported.trace = np.memmap(segy.with_name("volume.bin"), "<f4", "r").reshape(-1, n1)


# Ours, the peer it is held against, and the stage in the summary; `durable` beside `durable`.
PAIRS = (
    ("read ours", "read cp", "SEG-Y"),
    ("read ours durable", "read cp durable", "SEG-Y"),
    ("read ours", "read cigsegy", "SEG-Y"),
    ("read ours", "read segyio cube", "SEG-Y"),
    ("read ours", "read segy", "SEG-Y"),
    ("export ours", "read cp", "export"),
    ("export ours durable", "read cp durable", "export"),
    ("export ours", "export segyio", "export"),
)

WAYS: dict[str, Callable[[Path, Path], None]] = {
    name.replace("_", " "): way
    for name, way in list(globals().items())
    if name.startswith(("read_", "export_"))
}


def one_run(way: str, segy: Path, out: Path) -> None:
    """Time one way and print its seconds and peak anonymous memory."""
    if "cigsegy" in way:
        import cigsegy  # noqa: F401
    elif "segyio" in way:
        import segyio  # noqa: F401
    elif way == "read segy":
        import segy as _  # noqa: F401
    elif "ours" in way and "command" not in way:
        pass
    report(lambda: WAYS[way](segy, out))


def measure_way(way: str, segy: Path) -> tuple[float, int]:
    """Seconds and peak anonymous memory of one way in a process of its own."""
    with tempfile.TemporaryDirectory(dir=segy.parent) as folder:
        return measure(__file__, "--one", way, str(segy), f"{folder}/out")


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        one_run(a.one[0], Path(a.one[1]), Path(a.one[2]))
        return
    rows, comparisons = [], []
    # The last of them is also held against the peers, which gives its times.
    sizes = [a.gigabytes / 4, a.gigabytes / 2, a.gigabytes]
    seconds_by_format: dict[str, dict[str, list[float]]] = {}
    grown: dict[str, list[float]] = {"read ours": [], "export ours": []}
    a.output.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=a.output))
    try:
        for size in sizes[:-1]:
            segy = make_survey(folder, size, "ieee")
            for way, medians in grown.items():
                medians.append(statistics.median(measure_way(way, segy)[0] for _ in range(a.runs)))
        for sample_format in ("ieee", "ibm"):
            segy = make_survey(folder, a.gigabytes, sample_format)
            ways = {way: partial(measure_way, way, segy) for way in WAYS}
            runs = in_turns(ways, a.runs, sample_format)
            times = {way: [seconds for seconds, _ in done] for way, done in runs.items()}
            seconds_by_format[sample_format] = times
            comparisons += [
                comparison(f"{stage}, {sample_format}", times, ours, peer)
                for ours, peer, stage in PAIRS
            ]
            cp, durable = (statistics.median(times[way]) for way in ("read cp", "read cp durable"))
            for way, done in runs.items():
                seconds = times[way]
                median = statistics.median(seconds)
                rows.append(
                    {
                        "format": sample_format,
                        "way": way,
                        "seconds": median,
                        "spread": max(seconds) - min(seconds),
                        "over cp": median / cp,
                        "over cp durable": median / durable,
                        "anonymous MB": max(memory for _, memory in done) / 1e6,
                    }
                )
    finally:
        shutil.rmtree(folder)
    what = f"SEG-Y of {a.gigabytes:g} GB, {a.runs} runs"
    write_table(a.output, "segy", what, pd.DataFrame(rows))
    write_comparisons(a.output, "segy", comparisons)
    largest = seconds_by_format["ieee"]
    exponents = {
        way: exponent(sizes, [*medians, statistics.median(largest[way])])
        for way, medians in grown.items()
    }
    write_exponents(a.output, "segy", exponents, "bytes")


if __name__ == "__main__":
    main()
