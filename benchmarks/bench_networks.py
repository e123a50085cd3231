"""Networks: voxels a second at inference, and what each learns in the same time.

`make bench` writes results/benchmarks/networks.csv and .md. Both networks learn from the same
samples, crops and augmentations, by the same plain loop and in the same wall-clock time, one after
the other; then both are scored on the same held-out samples.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from published_network import PublishedNetwork
from results_table import benchmark_parser, comparison, write_comparisons, write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from conftest import folders_below
from strataflow.hardware import limit_threads
from strataflow.interpretation.fault_scores import fault_metrics
from strataflow.network.architecture import Architecture
from strataflow.network.losses import LOSSES, TaskWeights, fault_overlap_loss
from strataflow.network.model import MultiTaskNetwork
from strataflow.synthetic.generate import synthesize_samples
from strataflow.synthetic.scenario import Scenario
from strataflow.training.dataset import CountingSampler, Crops
from strataflow.training.sources import SampleSource
from strataflow.volume.attributes import SHIFT_UNIT
from strataflow.volume.orientation import (
    axial_angle,
    normal_from_strike_dip,
    principal_normal,
    strike_dip_from_normal,
)
from strataflow.volume.raw import Shape

TASKS = ("dhr", "rgt", "fault")
ARCHITECTURE = Architecture("infer", "base", TASKS)
SIDE = 64
BATCH = 2

# Clear images of few faults: of anything harder nothing is learned in minutes on a CPU.
SCENARIO = Scenario(faults=(1, 8), throw=(4, 40), layer_dip=(0, 30), noise=(0.03, 0.3))


def our_losses(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """The losses of the pipeline."""
    return {task: LOSSES[task](outputs[task], targets[task]) for task in TASKS}


def published_losses(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same for image, time and fault; dip and strike as plain numbers on the faults."""
    label = targets["fault"][:, :1]
    dip, strike = _angles(targets["fault"])
    losses = {task: LOSSES[task](outputs[task], targets[task]) for task in ("dhr", "rgt")}
    losses["fsem"] = fault_overlap_loss(outputs["fsem"][:, 0], label[:, 0])
    for name, angle in (("fdip", dip), ("fstrike", strike)):
        error = (outputs[name] - angle) ** 2 * label
        losses[name] = error.sum() / (label.sum() + 1)
    return losses


def _angles(fault: Tensor) -> tuple[Tensor, Tensor]:
    """Dip and strike over 180 degrees, (batch, 1, ...), from channels of the fault's target."""
    where = fault[:, 0] > 0
    normal = principal_normal(fault[:, 1:].movedim(1, 0)[:, where].numpy())
    angles = []
    for values in strike_dip_from_normal(normal)[::-1]:
        angle = torch.zeros_like(fault[:, 0])
        angle[where] = torch.from_numpy(values / 180).float()
        angles.append(angle[:, None])
    return angles[0], angles[1]


def our_answer(
    outputs: dict[str, Tensor], where: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fault probability (n3, n2, n1) of one sample, and normals (3, N) `where` wanted."""
    fault = outputs["fault"][0]
    return fault[0].sigmoid().numpy(), principal_normal(fault[1:].numpy()[:, where])


def published_answer(
    outputs: dict[str, Tensor], where: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The same from probability, dip and strike."""
    strike, dip = (180 * outputs[name][0, 0].numpy()[where] for name in ("fstrike", "fdip"))
    return outputs["fsem"][0, 0].sigmoid().numpy(), normal_from_strike_dip(strike, dip)


WAYS: dict[str, tuple[Callable[[], nn.Module], Callable[..., Any], Callable[..., Any]]] = {
    "base": (lambda: MultiTaskNetwork(ARCHITECTURE), our_losses, our_answer),
    "published": (PublishedNetwork, published_losses, published_answer),
}


def batches(source: SampleSource) -> Iterator[tuple[Tensor, dict[str, Tensor], list[str]]]:
    """Augmented batches without end, the same for every network."""
    crops = Crops(source, ARCHITECTURE, (SIDE, SIDE, SIDE), 1, augment=True)
    sampler = CountingSampler(len(crops), 1)
    for epoch in itertools.count():
        sampler.set_epoch(epoch)
        yield from DataLoader(crops, BATCH, sampler=sampler, drop_last=True)


def taught(name: str, source: SampleSource, seconds: float) -> tuple[nn.Module, int]:
    """The network after `seconds` of training, and the number of its steps."""
    torch.manual_seed(1)
    build, losses_of, _ = WAYS[name]
    network = build().train()
    weights: TaskWeights | None = None
    start = time.perf_counter()
    with tqdm(desc=name, unit="step") as bar:
        for given, targets, _files in batches(source):
            losses = losses_of(network(given), targets)
            if weights is None:
                weights = TaskWeights(tuple(losses))
                parameters = [*network.parameters(), *weights.parameters()]
                optimiser = torch.optim.AdamW(parameters, 1e-3, weight_decay=1e-4)
            optimiser.zero_grad()
            weights(losses).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            bar.update()
            if time.perf_counter() - start >= seconds:
                break
    return network, int(bar.n)


def settle_norms(network: nn.Module, source: SampleSource) -> None:
    """Take the statistics of batch norms, where there are any, anew with the final weights."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        for given, _targets, _files in itertools.islice(batches(source), 16 if norms else 0):
            network(given)


def scores(name: str, network: nn.Module, source: SampleSource) -> dict[str, float | None]:
    """What the network makes of held-out samples, all of them as one."""
    answer = WAYS[name][2]
    crops = Crops(source, ARCHITECTURE, (SIDE, SIDE, SIDE), 1, augment=False)
    found, labelled, angles, shifts, images = [], [], [], [], []
    with torch.inference_mode():
        for number in range(len(crops)):
            given, targets, _file = crops[number]
            outputs = network.eval()(given[None])
            label = targets["fault"][0].numpy() > 0
            probability, normal = answer(outputs, label)
            true = principal_normal(targets["fault"][1:].numpy()[:, label])
            found.append(probability)
            labelled.append(label.astype(np.float32))
            angles.append(axial_angle(normal, true))
            shift = (outputs["rgt"][0] - targets["rgt"]).numpy()
            shifts.append(SHIFT_UNIT * np.abs(shift - shift.mean()).mean())
            pair = outputs["dhr"][0].numpy().ravel(), targets["dhr"].numpy().ravel()
            images.append(np.corrcoef(*pair)[0, 1])
    cubes = np.concatenate(found), np.concatenate(labelled)
    fault = fault_metrics(*cubes, np.ones(cubes[0].shape[:2], bool))
    return {
        "AP": fault["average_precision"],
        "best F1": fault["best_f1"],
        "F1 within 2": fault["f1_within_2_voxels"],
        "median angle, degrees": float(np.median(np.concatenate(angles))),
        "rgt, samples": float(np.mean(shifts)),
        "dhr correlation": float(np.mean(images)),
    }


def voxels_a_second(network: nn.Module, repeats: int) -> list[float]:
    """Million voxels a second over a cube of 96, run by run."""
    cube = torch.randn(1, 1, 96, 96, 96)
    speeds = []
    with torch.inference_mode():
        for _ in range(repeats):
            start = time.perf_counter()
            network.eval()(cube)
            speeds.append(cube.numel() / (time.perf_counter() - start) / 1e6)
    return speeds


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="training of each network")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    a = parser.parse_args()
    limit_threads()
    a.output.mkdir(parents=True, exist_ok=True)
    shape = Shape(SIDE, SIDE, SIDE)
    rows, seconds = [], {}
    with tempfile.TemporaryDirectory(dir=a.output) as scratch:
        folders = folders_below(Path(scratch))
        synthesize_samples(folders, {"train": a.samples, "valid": 8}, shape, 5, 2, [SCENARIO])
        train, valid = (
            SampleSource.open([folders.data(split)], [folders.target(split)], None, shape)
            for split in ("train", "valid")
        )
        for name in WAYS:
            network, steps = taught(name, train, a.seconds)
            settle_norms(network, train)
            speeds = voxels_a_second(network, a.repeats)
            rows.append(
                {
                    "network": name,
                    "million parameters": sum(p.numel() for p in network.parameters()) / 1e6,
                    "million voxels a second": float(np.median(speeds)),
                    "spread": max(speeds) - min(speeds),
                    "steps": steps,
                    **scores(name, network, valid),
                }
            )
            seconds[name] = [1 / speed for speed in speeds]
    table = pd.DataFrame(rows)
    speed = table.set_index("network")["million voxels a second"]
    ends = f"base infers {speed['base'] / speed['published']:.0f} times as fast as published."
    what = f"Networks after {a.seconds:.0f} s of training on {a.samples} samples of 64 cubed"
    write_table(a.output, "networks", what, table, ends)
    write_comparisons(
        a.output,
        "networks",
        [comparison("network, a million voxels", seconds, "base", "published")],
    )


if __name__ == "__main__":
    main()
