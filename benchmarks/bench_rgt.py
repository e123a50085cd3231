"""RGT of synthetic surveys before and after the fit to their faults, scored against the labels.

`make bench` writes results/benchmarks/rgt.csv and .md. The surveys have 4 to 12 faults of the
default scenario. Rows: RGT as the tiles are joined, without faults ("before"); fitted to faults
that are picked from the predictions ("picked"); and from the labels ("labelled"), with throws that
are measured in the image in both cases. `--picture FILE` draws a section of the first survey.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from own_process import measure, report
from results_table import benchmark_parser, write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from strataflow.figures.style import TIME
from strataflow.home import shipped_weights
from strataflow.interpretation.faults import pick_faults
from strataflow.interpretation.metrics import geologic_time_metrics
from strataflow.interpretation.rgt_scores import scores_near_faults
from strataflow.interpretation.surface_files import load_surfaces
from strataflow.network.weights import load_network
from strataflow.prediction.fit_rgt import fit_rgt
from strataflow.prediction.predict import predict_volume
from strataflow.prediction.sources import image_source
from strataflow.prediction.tiling import Tiling
from strataflow.synthetic.earth import labelled_cube
from strataflow.synthetic.scenario import Scenario
from strataflow.volume.raw import Array, Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import attribute_path, open_volume, write_volume

SEEDS = (15, 21, 22, 31)
SCENARIO = Scenario(faults=(4, 12))
TASKS = ("dhr", "rgt", "fault")
# Source of the faults and of fsem for each row; none for RGT of the joined tiles.
ROWS = {"before": None, "picked": "net", "labelled": "label"}


def make_survey(folder: Path, seed: int, side: int, scenario: Scenario = SCENARIO) -> None:
    """Write image, labels, predictions and picked faults of a survey."""
    shape = Shape(side, side, side)
    cube = labelled_cube((seed, 2), shape, scenario)
    volumes = {"image": cube.image, **cube.targets, "fthrow": cube.truth["fthrow"]}
    for name, values in volumes.items():
        write_volume(attribute_path(folder / "label", name), values, plain_sidecar(shape, name))
    image = open_volume(attribute_path(folder / "label", "image"))
    network = load_network(shipped_weights("infer"), "infer", TASKS)
    tiling = Tiling((128, 128, 128), 0.25, "auto")
    predict_volume(network, image_source(image), folder / "net", TASKS, tiling)
    for source in ("net", "label"):
        pick_faults(folder / source, folder / f"{source}.picked", image=image.path)


def fit(folder: Path, source: str) -> None:
    """Fit RGT to the faults from `source`, and write it to folder/SOURCE.fitted.rgt."""
    predicted = open_volume(attribute_path(folder / "net", "rgt"))
    fit_rgt(
        predicted,
        open_volume(attribute_path(folder / "label", "image")),
        folder / f"{source}.fitted",
        open_volume(attribute_path(folder / source, "fsem")),
        load_surfaces(folder / f"{source}.picked.fault_surfaces.npz", predicted.shape.array),
    )


def scores(folder: Path, rgt: Array) -> dict[str, Any]:
    """Columns of a row."""
    label, throw, strike, dip = (
        open_volume(attribute_path(folder / "label", name)).values
        for name in ("rgt", "fthrow", "fstrike", "fdip")
    )
    live = np.ones(label.shape[:2], bool)
    whole = geologic_time_metrics(rgt, label, live)
    near = scores_near_faults(rgt, label, throw, live, (strike, dip))
    return {
        "flat": whole["mean_absolute_shift_samples_of_flat_layers"],
        "shift": whole["mean_absolute_shift_samples"],
        "scatter": whole["horizon_scatter_samples"],
        "shift near faults": near.get("mean_absolute_shift_samples"),
        "scatter near faults": near.get("horizon_scatter_samples"),
        "jump error, median": near.get("jump_error_median"),
        "jump share, median": near.get("jump_share_median"),
        "throw error, median": near.get("throw_error_median"),
        "nodes on wrong side": near.get("share_of_nodes_on_wrong_side"),
    }


def rgt_of(folder: Path, source: str | None) -> Array:
    name = f"{source}.fitted" if source else "net"
    return open_volume(attribute_path(folder / name, "rgt")).values


def draw(path: Path, folder: Path, crossline: int, shown: dict[str, Array]) -> None:
    """Contours of RGT over amplitudes of a crossline: the volumes `shown`, and the label."""
    image = open_volume(attribute_path(folder / "label", "image")).values[:, crossline].T
    label = open_volume(attribute_path(folder / "label", "rgt")).values
    panels = shown | {"label": label}
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), sharey=True, layout="constrained")
    limit = 2.5 * float(image.std())
    for panel, (title, rgt) in zip(axes, panels.items(), strict=True):
        panel.imshow(image, cmap="gray", vmin=-limit, vmax=limit, aspect="auto")
        # The same number of lines in each panel, at the mean depths of the label.
        levels = np.quantile(rgt, np.linspace(0.02, 0.98, 25))
        panel.contour(rgt[:, crossline].T, levels, cmap=TIME, linewidths=0.9)
        panel.set_title(title, fontsize=9)
        panel.tick_params(labelsize=7)
        panel.set_xlabel("inline", fontsize=8)
    axes[0].set_ylabel("sample", fontsize=8)
    figure.savefig(path, dpi=75)
    plt.close(figure)
    # A palette makes the file a third as large.
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(128)
    small.save(path, optimize=True)


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--picture", type=Path, help="PNG of a crossline of the first survey")
    parser.add_argument("--crossline", type=int, help="the crossline; the middle one if left out")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        report(lambda: fit(Path(a.one[0]), a.one[1]))
        return
    a.output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for seed in tqdm(a.seeds, "surveys"):
        with tempfile.TemporaryDirectory(dir=a.output) as scratch:
            folder = Path(scratch)
            make_survey(folder, seed, a.side)
            for name, source in ROWS.items():
                cost = {"seconds": np.nan, "MB": np.nan}
                if source:
                    seconds, memory = measure(__file__, "--one", scratch, source)
                    cost = {"seconds": seconds, "MB": memory / 1e6}
                rows.append(
                    {"seed": seed, "rgt": name} | scores(folder, rgt_of(folder, source)) | cost
                )
            if a.picture and seed == a.seeds[0]:
                shown = {"before": rgt_of(folder, None), "after": rgt_of(folder, "net")}
                draw(a.picture, folder, a.crossline or a.side // 2, shown)
    table = pd.DataFrame(rows)
    write_table(a.output, "rgt", f"RGT of surveys of {a.side} cubed", table)


if __name__ == "__main__":
    main()
