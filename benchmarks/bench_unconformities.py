"""RGT of synthetic surveys with unconformities, with and without regard to converging layers.

It writes results/benchmarks/unconformities.csv and .md. The surveys have one or two unconformities,
tilted and folded layers and at most five faults. In the rows "all slopes", slopes have their full
weight where layers converge; in the rows "agreement" they have it where layers agree. Scatter is
that along labelled horizons. It does not depend on the time that is missing. "Near" are the voxels
3 to 20 samples above and below an unconformity. `--picture FILE` draws a section of the first
survey.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, maximum_filter
from tqdm import tqdm

import bench_rgt
from results_table import benchmark_parser, write_table
from strataflow.interpretation.rgt_scores import horizon_scatter
from strataflow.prediction import rgt_convergence
from strataflow.synthetic.scenario import Scenario
from strataflow.volume.attributes import FAULT_THRESHOLD
from strataflow.volume.raw import Array
from strataflow.volume.volume import attribute_path, open_volume

# Seeds of the surveys, and the smallest and largest number of faults of each.
SURVEYS = {106: (2, 5), 105: (2, 5), 104: (0, 2), 103: (1, 3), 102: (0, 2), 101: (1, 3)}

# Difference of slopes at which layers agree by half, for each row.
ROWS = {"all slopes": np.inf, "agreement": rgt_convergence.HALF}

# Increase of labelled time from a sample to the next, over the median one, at an unconformity.
JUMP = 4.0


def near_unconformities(label: Array, fault: Array) -> NDArray[np.bool_]:
    """Voxels 3 to 20 samples above and below unconformities; all arrays (n3, n2, n1)."""
    growth = np.diff(label, axis=2, prepend=label[..., :1])
    gap = growth > JUMP * np.median(growth)
    gap &= ~binary_dilation(fault >= FAULT_THRESHOLD, np.ones((5, 5, 5), bool))
    return maximum_filter(gap, (1, 1, 41)) & ~maximum_filter(gap, (1, 1, 5))


def scores(folder: Path, rgt: Array) -> dict[str, Any]:
    """Columns of a row, from every other trace."""
    label, fault = (
        np.asarray(open_volume(attribute_path(folder / "label", name)).values)
        for name in ("rgt", "fsem")
    )
    near = near_unconformities(label, fault)
    every = np.s_[::2, ::2]
    rgt, label, near = rgt[every], label[every], near[every]
    n1 = label.shape[2]
    rgt, label, near = rgt.reshape(-1, n1), label.reshape(-1, n1), near.reshape(-1, n1)
    return {"scatter": horizon_scatter(rgt, label), "near": horizon_scatter(rgt, label, near)}


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--seeds", type=int, nargs="+", choices=SURVEYS, default=[*SURVEYS])
    parser.add_argument("--picture", type=Path, help="PNG of a crossline of the first survey")
    a = parser.parse_args()
    a.output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for seed in tqdm(a.seeds, "surveys"):
        with tempfile.TemporaryDirectory(dir=a.output) as scratch:
            folder = Path(scratch)
            scenario = Scenario(faults=SURVEYS[seed], unconformity=1.0)
            bench_rgt.make_survey(folder, seed, a.side, scenario)
            shown = {}
            for name, half in ROWS.items():
                rgt_convergence.HALF = half
                bench_rgt.fit(folder, "net")
                shown[name] = np.array(bench_rgt.rgt_of(folder, "net"))
                rows.append({"seed": seed, "rgt": name} | scores(folder, shown[name]))
            if a.picture and seed == a.seeds[0]:
                bench_rgt.draw(a.picture, folder, a.side // 2, shown)
    write_table(a.output, "unconformities", "RGT at unconformities", pd.DataFrame(rows))


if __name__ == "__main__":
    main()
