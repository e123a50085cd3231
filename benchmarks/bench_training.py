"""Training crops a second beside plain Lightning loops, in one run.

`make bench` writes results/benchmarks/training.csv and .md: an epoch over the same samples, seconds
a crop. Ours is all that train_infer.py does in an epoch: crops that are augmented in workers,
averaged weights, logs, pictures, validation on one crop and checkpoints, and its start-up. The
peers are a loop as one writes it first, with nothing of that: the published network and, to see
what all that costs, our own one. Each run is a process of its own that is timed inside, after its
imports.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bench_networks import ARCHITECTURE, BATCH, SCENARIO, SIDE, WAYS
from own_process import in_turns, measure, report
from results_table import benchmark_parser, comparison, write_comparisons, write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from conftest import folders_below
from strataflow.hardware import limit_threads
from strataflow.synthetic.generate import synthesize_samples
from strataflow.training.dataset import Crops
from strataflow.training.lightning import TrainingSettings
from strataflow.training.sources import SampleSource
from strataflow.training.trainer import train
from strataflow.volume.raw import Shape

# Crops of an epoch, for each way: the published network takes too long for as many.
CROPS = {"train_infer": 16, "plain loop, our network": 16, "plain loop, published network": 2}


class PlainModule(pl.LightningModule):
    """A network and the sum of its losses."""

    def __init__(self, name: str) -> None:
        super().__init__()
        build, self.losses_of, _ = WAYS[name]
        self.network = build()

    def training_step(self, batch: Any, _: int) -> Tensor:
        given, targets, _files = batch
        losses: dict[str, Tensor] = self.losses_of(self.network(given), targets)
        return torch.stack(list(losses.values())).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), 1e-3)


def source_of(place: Path, split: str, count: int) -> SampleSource:
    """The first `count` samples of a split."""
    folders, shape = folders_below(place), Shape(SIDE, SIDE, SIDE)
    return SampleSource.open([folders.data(split)], [folders.target(split)], count, shape)


def plain(name: str) -> Callable[[Path, int], Callable[[], object]]:
    """A way that trains a network of bench_networks in a plain loop."""

    def prepare(place: Path, crops: int) -> Callable[[], object]:
        source = source_of(place, "train", crops)
        data = Crops(source, ARCHITECTURE, (SIDE, SIDE, SIDE), 1, augment=False)
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        module = PlainModule(name)
        return lambda: trainer.fit(module, DataLoader(data, BATCH, shuffle=True))

    return prepare


def ours(place: Path, crops: int) -> Callable[[], object]:
    """The training of the pipeline."""
    settings = TrainingSettings(1, BATCH, BATCH, 1e-3, 1)
    sources = source_of(place, "train", crops), source_of(place, "valid", 1)
    output = Path(tempfile.mkdtemp(dir=place))
    return lambda: train(ARCHITECTURE, settings, *sources, output)


PREPARE = dict(zip(CROPS, (ours, plain("base"), plain("published")), strict=True))


def seconds_a_crop(way: str, place: str) -> float:
    """Those of one run of a way."""
    return measure(__file__, "--one", way, place)[0] / CROPS[way]


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        way, place = a.one
        limit_threads()
        report(PREPARE[way](Path(place), CROPS[way]))
        return
    a.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=a.output) as scratch:
        counts = {"train": max(CROPS.values()), "valid": 1}
        shape = Shape(SIDE, SIDE, SIDE)
        synthesize_samples(folders_below(Path(scratch)), counts, shape, 5, 2, [SCENARIO])
        ways = {way: partial(seconds_a_crop, way, scratch) for way in CROPS}
        runs = in_turns(ways, a.runs, "training")
    peers = list(CROPS)[1:]
    rows = [comparison("training", runs, "train_infer", peer) for peer in peers]
    what = f"Seconds a crop of {SIDE} cubed in an epoch of training, {a.runs} runs"
    write_table(a.output, "training", what, pd.DataFrame(rows))
    write_comparisons(a.output, "training", rows)


if __name__ == "__main__":
    main()
