"""Inference over volumes beside MONAI, torchio and the published network, in one run.

`make bench` writes results/benchmarks/inference.csv, .md and .png: seconds, million voxels a second
and peak anonymous memory. Each run is a process of its own that is timed inside, after its imports
and with its network built. Ours reads a raw volume and ends with five attributes on disk; MONAI's
sliding window and torchio's grid sampler, with the same weights, tile, overlap and precision, end
with the network's channels in memory. The published network is given one tile, which is its best
case: no overlap. "averaged" is ours with the mean over eight symmetries.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from own_process import measure, report
from results_table import (
    benchmark_parser,
    comparison,
    exponent,
    write_comparisons,
    write_exponents,
    write_table,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from strataflow.hardware import limit_threads, precision_of_hardware
from strataflow.network.model import MultiTaskNetwork
from strataflow.network.weights import load_network
from strataflow.prediction.averaging import ONE_COPY, Averaging
from strataflow.prediction.predict import predict_volume
from strataflow.prediction.sources import image_source
from strataflow.prediction.tiling import TileGrid, Tiling
from strataflow.volume.raw import Shape
from strataflow.volume.volume import open_volume

TASKS = ("dhr", "rgt", "fault")
WEIGHTS = Path(__file__).resolve().parents[1] / "data" / "pretrained" / "infer.pth"
SIDES = (128, 192, 256, 384, 512)
COMPARED = 256
# Side of the volume that is predicted with and without the mean over symmetries.
AVERAGED, SYMMETRIES = 192, 8
PEERS = ("monai", "torchio")
# Inlines of the survey of 1,000 crosslines and samples: enough for two rows of tiles, and memory
# does not grow after the first.
WIDE, CUT = 1000, 144
# Numbers of inlines of long surveys, of so many crosslines and samples.
INLINES, NARROW = (96, 384, 1536), 128
LONG = [Shape(NARROW, NARROW, inlines) for inlines in INLINES]


def _network() -> MultiTaskNetwork:
    limit_threads()
    return load_network(WEIGHTS, "infer", TASKS)


def ours(
    path: Path, shape: Shape, tiling: Tiling, averaging: Averaging = ONE_COPY
) -> Callable[[], object]:
    """A raw volume to attributes on disk."""
    network = _network()

    def work() -> None:
        source = image_source(open_volume(path, shape))
        output = path.parent / "ours" / "survey"
        predict_volume(network, source, output, TASKS, tiling, False, averaging)

    return work


def averaged(path: Path, shape: Shape, tiling: Tiling) -> Callable[[], object]:
    """The same with the mean over symmetries."""
    return ours(path, shape, tiling, Averaging(SYMMETRIES))


def _normalised(path: Path, shape: Shape) -> torch.Tensor:
    """The volume as peers take it, (1, n3, n2, n1)."""
    values = np.fromfile(path, "<f4").reshape(1, *shape.array)
    return torch.from_numpy((values - values.mean()) / values.std())


def _is_half(tiling: Tiling) -> bool:
    return tiling.precision == "auto" and precision_of_hardware() == "bf16-mixed"


def _sliding_window(
    path: Path, shape: Shape, tiling: Tiling, network: torch.nn.Module
) -> Callable[[], object]:
    from monai.inferers.utils import sliding_window_inference

    network = network.eval()
    half = _is_half(tiling)

    def work() -> object:
        given = _normalised(path, shape)[None]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            return sliding_window_inference(
                given, tiling.tile, 1, network, tiling.overlap, mode="gaussian"
            )

    return work


def monai(path: Path, shape: Shape, tiling: Tiling) -> Callable[[], object]:
    """The same volume and weights to channels in memory."""
    return _sliding_window(path, shape, tiling, _network())


def torchio(path: Path, shape: Shape, tiling: Tiling) -> Callable[[], object]:
    """The same by torchio's grid sampler and aggregator."""
    from torchio import GridAggregator, GridSampler, ScalarImage, Subject

    network = _network().eval()
    half = _is_half(tiling)

    def work() -> object:
        given = _normalised(path, shape)
        # Its overlaps are even numbers of voxels.
        overlap = tuple(2 * round(side * tiling.overlap / 2) for side in tiling.tile)
        sampler = GridSampler(Subject(image=ScalarImage(tensor=given)), tiling.tile, overlap)
        joined = GridAggregator(sampler, "hann")
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            for patch in sampler:
                outputs = network(patch["image"].data[None])
                joined.add_batch(torch.cat(list(outputs.values()), 1), patch["location"][None])
        return joined.get_output_tensor()

    return work


def published(path: Path, shape: Shape, tiling: Tiling) -> Callable[[], object]:
    """The published network, by MONAI too."""
    from published_network import PublishedNetwork

    limit_threads()
    return _sliding_window(path, shape, tiling, PublishedNetwork())


WAYS = {way.__name__: way for way in (ours, averaged, monai, torchio, published)}


def make_volume(path: Path, shape: Shape) -> None:
    """Noise, the same on each inline: of its values inference takes no notice."""
    plane = np.random.default_rng(1).normal(size=(shape.n2, shape.n1)).astype("<f4")
    with open(path, "wb") as stream:
        for _ in range(shape.n3):
            stream.write(plane.data)


def run(way: str, shape: Shape, precision: str, folder: Path) -> dict[str, object]:
    """One run of `way` over a volume of `shape`."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "volume.bin"
        make_volume(path, shape)
        sides = [str(side) for side in (shape.n1, shape.n2, shape.n3)]
        words = ("--one", way, str(path), precision, *sides)
        seconds, memory = measure(__file__, *words, timeout=3600)
    voxels = math.prod(shape.array)
    return {
        "way": way,
        "precision": precision,
        "n3 x n2 x n1": shape_name(shape),
        "voxels": voxels,
        "seconds": seconds,
        "million voxels a second": voxels / seconds / 1e6,
        "anonymous MB": memory / 1e6,
    }


def shape_name(shape: Shape) -> str:
    """Sizes as n3 x n2 x n1."""
    return " x ".join(str(side) for side in shape.array)


def cube(side: int) -> Shape:
    """A cube of that side."""
    return Shape(side, side, side)


def summary(table: pd.DataFrame, tiling: Tiling) -> tuple[list[str], float]:
    """What the runs say, and the exponent of time over voxels."""
    sizes, ways = table["n3 x n2 x n1"], table["way"]

    def median(way: str, shape: Shape, quantity: str, precision: str = "fp32") -> float:
        chosen = ways.eq(way) & sizes.eq(shape_name(shape)) & table["precision"].eq(precision)
        return float(np.median(table.loc[chosen, quantity].to_numpy(float)))

    compared = []
    for precision in table["precision"].unique():
        for peer in PEERS:
            time, memory = (
                median("ours", cube(COMPARED), quantity, precision)
                / median(peer, cube(COMPARED), quantity, precision)
                for quantity in ("seconds", "anonymous MB")
            )
            compared.append(
                f"{COMPARED} cubed in {precision}: {time:.2f} of the time of {peer},"
                f" {memory:.2f} of its memory."
            )
    seconds = [median("ours", cube(side), "seconds") for side in SIDES]
    grown = exponent([side**3 for side in SIDES], seconds)
    tiles = len(TileGrid.cover(cube(COMPARED).array, tiling.tile, tiling.overlap).corners())
    times = tiles * median("published", cube(tiling.tile[0]), "seconds")
    times /= median("ours", cube(COMPARED), "seconds")
    wide = median("ours", Shape(WIDE, WIDE, CUT), "anonymous MB")
    once, often = (median(way, cube(AVERAGED), "seconds") for way in ("ours", "averaged"))
    megabytes = ", ".join(f"{median('ours', of, 'anonymous MB'):.0f} MB" for of in LONG)
    lines = [
        *compared,
        f"Time grows with voxels to the power {grown:.2f}.",
        f"The published network would take {times:.0f} times as long for the {tiles} tiles"
        f" of {COMPARED} cubed.",
        f"The mean over {SYMMETRIES} symmetries takes {often / once:.1f} times as long.",
        f"{' / '.join(map(str, INLINES))} inlines of {NARROW} x {NARROW}: {megabytes}.",
        f"{WIDE} crosslines of {WIDE} samples: {wide:.0f} MB.",
    ]
    return lines, grown


def comparisons(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Ours beside each peer at the size that all of them were given."""
    rows = []
    same = table[table["n3 x n2 x n1"] == shape_name(cube(COMPARED))]
    for precision, runs in same.groupby("precision"):
        seconds = {str(way): list(of["seconds"]) for way, of in runs.groupby("way")}
        stage = f"inference, {precision}"
        rows += [comparison(stage, seconds, "ours", peer) for peer in PEERS]
    return rows


def draw(table: pd.DataFrame, path: Path, grown: float) -> None:
    """Seconds and memory over the number of voxels."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for panel, quantity in zip(panels, ("seconds", "anonymous MB"), strict=True):
        for (way, precision), runs in table.groupby(["way", "precision"]):
            name = f"{way}, {precision}"
            panel.loglog(runs["voxels"] / 1e6, runs[quantity], "o", mfc="none", label=name)
        panel.set(xlabel="million voxels", ylabel=quantity)
    panels[0].legend(title=f"ours: exponent {grown:.2f}")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--runs", type=int, default=5, help=f"of {COMPARED} cubed, of each way")
    parser.add_argument("--one", nargs=6, help=argparse.SUPPRESS)
    a = parser.parse_args()
    tiling = Tiling(precision="fp32")
    if a.one:
        way, path, precision, *sides = a.one
        tiling = Tiling(precision=precision)
        report(WAYS[way](Path(path), Shape(*(int(side) for side in sides)), tiling))
        return
    a.output.mkdir(parents=True, exist_ok=True)
    # Ways take turns, so that what else the machine does falls on all of them.
    precisions = ["fp32"] + ["auto"] * (precision_of_hardware() == "bf16-mixed")
    planned = [
        (way, cube(COMPARED), precision)
        for _ in range(a.runs)
        for precision in precisions
        for way in ("ours", *PEERS)
    ]
    planned += [("ours", cube(side), "fp32") for side in SIDES if side != COMPARED]
    planned += [("published", cube(tiling.tile[0]), "fp32")]
    planned += [("averaged", cube(AVERAGED), "fp32")]
    planned += [("ours", of, "fp32") for of in (*LONG, Shape(WIDE, WIDE, CUT))]
    folder = Path(tempfile.mkdtemp(dir=a.output))
    try:
        table = pd.DataFrame([run(*each, folder) for each in tqdm(planned)])
    finally:
        shutil.rmtree(folder)
    lines, grown = summary(table, tiling)
    draw(table, a.output / "inference.png", grown)
    write_exponents(a.output, "inference", {"infer": grown}, "voxels")
    write_comparisons(a.output, "inference", comparisons(table))
    columns = ["seconds", "million voxels a second", "anonymous MB"]
    runs = table.groupby(["way", "precision", "n3 x n2 x n1"], sort=False)
    spread = runs["seconds"].max() - runs["seconds"].min()
    shown = runs[columns].median().assign(spread=spread)
    ends = "\n".join(f"- {line}" for line in lines)
    write_table(a.output, "inference", f"Inference, {a.runs} runs", shown.reset_index(), ends)


if __name__ == "__main__":
    main()
