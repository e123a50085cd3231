"""What a few labelled lines teach: fine-tuning on a survey of another generator.

    python benchmarks/bench_labels.py

writes results/benchmarks/labels.csv and .md. benchmarks/quality/independent.py makes the survey,
with small throws, strong noise and lateral smear. Each case starts from the shipped weights and
trains for the same number of steps. Scores count the inlines that no case has labels on. "Own"
scores are those of synthetic samples that training did not use. A case takes about five minutes; a
case that was trained by an earlier call is only scored.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results_table import benchmark_parser, write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent / "quality"))

from independent import Variant, sample

from strataflow.home import shipped_weights
from strataflow.interpretation.control import ControlSet, write_control
from strataflow.interpretation.fault_scores import fault_metrics
from strataflow.interpretation.metrics import geologic_time_metrics
from strataflow.network.model import MultiTaskNetwork
from strataflow.network.weights import load_network
from strataflow.prediction.predict import predict_volume
from strataflow.prediction.sources import image_source
from strataflow.prediction.tiling import Tiling
from strataflow.samples.files import sample_path
from strataflow.volume.raw import Array, Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import attribute_path, open_volume, write_volume

SCRIPTS = Path(__file__).resolve().parents[1] / "workflow_scripts"

SURVEY = Variant(faults=(8, 16), throw=(2, 6), noise=(0.8, 1.2), smear=(2.5, 3.5))
SEED = 7
TASKS = ("dhr", "rgt", "fault")
OWN = 6
CROP = 48
SIDE = 96
CROPS_OF_A_SAMPLE = (SIDE // CROP) ** 3

# Labelled inlines for a number of them, numbered from 1. Those of the largest set are not scored.
FIVE = [20, 58, 96, 134, 172]
TWENTY = sorted({*FIVE, *np.linspace(5, 188, 15).round().astype(int).tolist()})

# Shares of the trained weights in those that predict (`training.trained_share`).
SHARES = (1.0, 0.5, 0.25)

# Geologic times of the horizons that teach RGT, of 0 to 1 in the survey.
HORIZONS = (0.3, 0.45, 0.6, 0.75)


@dataclass(frozen=True)
class Case:
    """A case: its labelled inlines, label attributes, share of crops, and tasks that train."""

    name: str
    lines: tuple[int, ...] = ()
    labels: tuple[str, ...] = ("fsem",)
    share: float = 0.5
    tasks: tuple[str, ...] = ("fault",)
    horizons: bool = False


CASES = [
    Case("shipped weights", tasks=TASKS),
    Case("1 inline", (96,)),
    Case("5 inlines", tuple(FIVE)),
    Case("20 inlines", tuple(TWENTY)),
    Case("5 inlines, mask, dip and strike", tuple(FIVE), ("fsem", "fdip", "fstrike")),
    Case("5 inlines, share 0.25", tuple(FIVE), share=0.25),
    Case("5 inlines, share 0.75", tuple(FIVE), share=0.75),
    Case("5 inlines, all tasks", tuple(FIVE), tasks=TASKS),
    Case("4 horizons, all tasks", labels=(), tasks=TASKS, horizons=True),
]


def call(script: str, *words: object) -> None:
    """Run a stage, and stop if it fails."""
    command = [sys.executable, str(SCRIPTS / f"{script}.py"), *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}")


def cpu_seconds() -> float:
    """CPU time of the stages so far."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def make_survey(folder: Path, side: int) -> dict[str, Array]:
    """Write the image and its labels, and return the labels."""
    image, labels = sample(SEED, SURVEY, side)
    shape = Shape(side, side, side)
    for name, values in {"image": image, **labels}.items():
        write_volume(attribute_path(folder / "survey", name), values, plain_sidecar(shape, name))
    write_control(folder / "horizons.npz", [horizon(labels["rgt"], time) for time in HORIZONS])
    return labels


def horizon(rgt: Array, time: float) -> ControlSet:
    """The horizon of a geologic time, on every fourth inline and crossline."""
    inlines, crosslines = np.mgrid[2 : rgt.shape[0] : 4, 2 : rgt.shape[1] : 4].reshape(2, -1)
    traces = rgt[inlines, crosslines]
    below = (traces >= time).argmax(axis=1)
    inside = below > 0
    i3, i2, i1 = inlines[inside], crosslines[inside], below[inside]
    young, old = rgt[i3, i2, i1 - 1], rgt[i3, i2, i1]
    samples = i1 - (old - time) / np.maximum(old - young, 1e-9)
    points = np.stack([i3, i2, samples], axis=1).astype(np.float32)
    return ControlSet(f"horizon {time}", points, time)


def synthetic_samples(case: Case, steps: int) -> int:
    """Number of synthetic samples whose crops fill one epoch of `steps` batches of two."""
    return round(2 * steps * (1 - case.share) / CROPS_OF_A_SAMPLE)


def make_samples(folder: Path, steps: int) -> list[object]:
    """Write synthetic samples of the default scenario, and return the flags of their folders."""
    flags: list[object] = []
    for split in ("train", "valid"):
        for what in ("data", "target"):
            flags += [f"--dir_{what}_{split}", folder / f"{what}_{split}"]
    size = ("--n1", SIDE, "--n2", SIDE, "--n3", SIDE)
    count = max(synthetic_samples(case, steps) for case in CASES)
    call("synthesize", *flags, "--ntrain", count, "--nvalid", OWN, "--seed", 90001, *size)
    return [*flags, *size]


def train(case: Case, folder: Path, samples: list[object], steps: int) -> Path:
    """Fine-tune the shipped weights for a case, and return the checkpoint."""
    labels = folder / "labels"
    if case.labels:
        given = [
            word
            for name in case.labels
            for word in (f"--{name}", attribute_path(folder.parent / "survey", name))
        ]
        lines = ", ".join(map(str, case.lines))
        image = attribute_path(folder.parent / "survey", "image")
        call(
            "labels", "--input", image, *given, "--labelled", f"inline {lines}", "--output", labels
        )
    tasks = [word for t in TASKS if t not in case.tasks for word in (f"--{t}", "false")]
    control = ["--survey_control", folder.parent / "horizons.npz"] if case.horizons else []
    call(
        "train_infer",
        *samples,
        *("--ntrain", synthetic_samples(case, steps), "--epochs", 1),
        *("--survey_images", attribute_path(folder.parent / "survey", "image")),
        *("--survey_labels", labels, *control, "--label_share", case.share),
        *("--crop", CROP, CROP, CROP, "--lr", 0.0003, *tasks),
        *("--init_weights", shipped_weights("infer"), "--dir_output", folder / "run"),
        *("--final", folder / "final.ckpt", "--table", folder / "table.csv"),
    )
    return folder / "final.ckpt"


def predict(network: MultiTaskNetwork, image: Path, prefix: Path, shape: Shape) -> dict[str, Array]:
    """Fault probability, and RGT if the network has it."""
    tasks = network.architecture.tasks
    source = image_source(open_volume(image, shape, intact=False))
    predict_volume(network, source, prefix, tasks, Tiling((SIDE,) * 3, 0.25, "auto"), False)
    names = ["fsem", *(["rgt"] if "rgt" in tasks else [])]
    return {name: np.array(open_volume(attribute_path(prefix, name)).values) for name in names}


def scores(case: Case, weights: Path, folder: Path, labels: dict[str, Array]) -> dict[str, Any]:
    """Columns of a row: the survey beside the labelled lines, and our own samples."""
    own = folder.parent
    network = load_network(weights, "infer", tuple(t for t in case.tasks if t != "dhr"))
    shape = Shape(*reversed(labels["fsem"].shape))
    found = predict(
        network, attribute_path(folder.parent / "survey", "image"), folder / "net", shape
    )
    live = np.ones(labels["fsem"].shape[:2], bool)
    live[[line - 1 for line in TWENTY]] = False
    faults = fault_metrics(found["fsem"], labels["fsem"], live)
    row = {
        "F1 at 0.5": faults["f1_within_2_voxels"],
        "best F1": faults["best_f1_within_2_voxels"],
        "AP": faults["average_precision"],
    }
    if "rgt" in found:
        time = geologic_time_metrics(found["rgt"], labels["rgt"], live)
        row["shift of layers"] = time["mean_absolute_shift_samples"]
        row["scatter"] = time["horizon_scatter_samples"]
    small = Shape(SIDE, SIDE, SIDE)
    cubes = [
        (
            predict(network, sample_path(own / "data_valid", i), folder / f"own{i}", small)["fsem"],
            np.fromfile(sample_path(own / "target_valid", i, "fsem"), "<f4").reshape(small.array),
        )
        for i in range(OWN)
    ]
    ours, truth = (np.concatenate(part) for part in zip(*cubes, strict=True))
    faults = fault_metrics(ours, truth, np.ones(truth.shape[:2], bool))
    row |= {
        "own F1 at 0.5": faults["f1_within_2_voxels"],
        "own best F1": faults["best_f1_within_2_voxels"],
        "own AP": faults["average_precision"],
    }
    return row


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--steps", type=int, default=320)
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    a = parser.parse_args()
    folder = a.output / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    labels = make_survey(folder, a.side)
    samples = make_samples(folder, a.steps)
    initial = shipped_weights("infer")
    rows: list[dict[str, Any]] = []
    for number, case in enumerate(CASES):
        if case.name not in a.cases:
            continue
        place = folder / f"case{number}"
        place.mkdir(exist_ok=True)
        if not (case.lines or case.horizons):
            rows.append({"labels": case.name} | scores(case, initial, place, labels))
            continue
        before = cpu_seconds()
        checkpoint = place / "final.ckpt"
        if not checkpoint.is_file():
            train(case, place, samples, a.steps)
        minutes = (cpu_seconds() - before) / 60
        for share in SHARES:
            weights = place / f"{share}.pth"
            blend = ("--initial", initial, "--share", share)
            call("extract_weights", "--checkpoint", checkpoint, *blend, "--output", weights)
            row = {"labels": case.name, "trained share": share}
            rows.append(row | scores(case, weights, place, labels) | {"CPU minutes": minutes})
            write_table(a.output, "labels", f"Labels of {a.steps} steps", pd.DataFrame(rows))


if __name__ == "__main__":
    main()
