"""Fault surfaces picked from true labels, matched with the true faults, method by method.

`make bench` writes results/benchmarks/faults.csv and .md: what became of the faults of synthetic
surveys with few and many faults, and the time and memory of picking. The labels are the input, so
that errors of a network do not count. Each pick is a process of its own, timed after its imports.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from own_process import measure, report
from results_table import benchmark_parser, write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from strataflow.interpretation.faults import FaultVoxels, pick_faults, thin
from strataflow.interpretation.matching import FaultVolumes, Ids, Matching, match_faults
from strataflow.synthetic.earth import labelled_cube
from strataflow.synthetic.scenario import ANYTHING, Scenario
from strataflow.volume.raw import Array, Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import attribute_path, open_volume, write_volume

# Limits for neighbouring voxels of a fault: distance along each axis in voxels, distance from the
# plane of the other in voxels, and angle between the normals in degrees.
REACH, OFF_PLANE, TURN = 2, 0.6, 5.0

# Minimum number of voxels of a fault.
MIN_VOXELS = 200

# Minimum number of labelled voxels of a piece of a true fault that others cut and displace.
PIECE_VOXELS = 150

# Neighbours of a voxel by faces, edges and corners.
CORNERS = np.ones((3, 3, 3), np.uint8)

MANY = Scenario(faults=(20, 30))
# Seed and scenario: those without a fault that is visible are left out.
SURVEYS = ((9, ANYTHING), (2, ANYTHING), (1, ANYTHING), (11, ANYTHING), (4, MANY), (11, MANY))
# Counts of a row, as named in the table, and what they are shares of.
OF_FAULTS = ("found", "merged", "split", "missed")
OF_OBJECTS = ("false objects", "merged objects")


def thinned(prefix: Path) -> tuple[FaultVoxels, Shape]:
    """Thinned faults of the labels."""
    names = ("fsem", "fdip", "fstrike")
    volumes = {name: open_volume(attribute_path(prefix, name), None, name) for name in names}
    return thin(volumes), volumes["fsem"].shape


def number_faults(voxels: FaultVoxels, shape: Shape, min_voxels: int) -> NDArray[np.int64]:
    """Number the faults by size.

    Args:
        voxels: Voxels of thinned faults.
        shape: Size of the volume.
        min_voxels: Minimum number of voxels of a fault.

    Returns:
        Fault number of each voxel (N,): 1 is the largest fault, 0 is a fault below `min_voxels`.
    """
    # Pad the axes so that flat indices do not wrap into the next line.
    padded = [n + 2 * REACH for n in shape.array]
    place = np.ravel_multi_index(tuple(voxels.at + REACH), padded)
    order = np.argsort(place)
    place, at, normal = place[order], voxels.at[:, order], voxels.normal[:, order]
    firsts, seconds = [], []
    for step in product(range(-REACH, REACH + 1), repeat=3):
        if step <= (0, 0, 0):
            continue
        there = place + np.ravel_multi_index([REACH + s for s in step], padded)
        there -= np.ravel_multi_index([REACH] * 3, padded)
        second = np.searchsorted(place, there).clip(max=max(place.size - 1, 0))
        first = np.flatnonzero(place[second] == there) if place.size else np.empty(0, np.int64)
        second = second[first]
        alike = np.abs((normal[:, first] * normal[:, second]).sum(axis=0)) >= np.cos(
            np.radians(TURN)
        )
        off = np.abs((normal[:, first] * np.array(step)[:, None]).sum(axis=0))
        one = alike & (off <= OFF_PLANE)
        firsts.append(first[one])
        seconds.append(second[one])
    pair = np.concatenate(firsts), np.concatenate(seconds)
    graph = coo_array((np.ones(pair[0].size, bool), pair), shape=(at.shape[1],) * 2)
    _, component = connected_components(graph, directed=False)
    sizes = np.bincount(component)
    # Largest first; faults of the same size keep the order of their first voxels.
    ranks = np.empty(sizes.size, np.int64)
    ranks[np.argsort(-sizes, kind="stable")] = np.arange(1, sizes.size + 1)
    ranks[sizes < min_voxels] = 0
    number = np.empty(at.shape[1], np.int64)
    number[order] = ranks[component]
    return number


def neighbours(prefix: Path) -> None:
    """Neighbours that lie in one another's plane are one fault."""
    voxels, shape = thinned(prefix)
    ids = np.zeros(shape.array, np.int32)
    ids[tuple(voxels.at)] = number_faults(voxels, shape, MIN_VOXELS)
    write_ids(attribute_path(prefix, "neighbours.fault_id"), ids)


def components(prefix: Path) -> None:
    """The simplest: connected components of what is thinned, by faces, edges and corners."""
    voxels, shape = thinned(prefix)
    mask = np.zeros(shape.array, bool)
    mask[tuple(voxels.at)] = True
    ids, _ = label(mask, CORNERS)
    small = np.bincount(ids.ravel()) < MIN_VOXELS
    ids[small[ids]] = 0
    write_ids(attribute_path(prefix, "components.fault_id"), ids.astype(np.int32))


def surfaces(prefix: Path) -> None:
    """Surfaces with throws, as the workflow picks them."""
    pick_faults(prefix, Path(f"{prefix}.surfaces"), image=attribute_path(prefix, "image"))


# Each reads PREFIX.fsem, .fdip and .fstrike (and .image, for throws) and writes fault numbers as
# PREFIX.NAME.fault_id and, if it measures them, throws as PREFIX.NAME.fthrow.
METHODS: dict[str, Callable[[Path], None]] = {
    "components": components,
    "neighbours": neighbours,
    "surfaces": surfaces,
}


def write_ids(path: Path, ids: Ids) -> None:
    """Fault numbers as a raw volume of int32."""
    n3, n2, n1 = ids.shape
    write_volume(path, ids.astype(np.float32), plain_sidecar(Shape(n1, n2, n3), "fault_id"))


def make_survey(prefix: Path, seed: int, scenario: Scenario, side: int) -> FaultVolumes:
    """Write image and labels of a survey, and return its true faults."""
    shape = Shape(side, side, side)
    cube = labelled_cube((seed, 2), shape, scenario)
    for name, values in {"image": cube.image, **cube.targets}.items():
        write_volume(attribute_path(prefix, name), values, plain_sidecar(shape, name))
    return FaultVolumes(cube.truth["fault_id"].astype(np.int32), cube.truth["fthrow"])


def picked(prefix: Path, method: str) -> FaultVolumes:
    """What a method has written."""
    ids = open_volume(attribute_path(prefix, f"{method}.fault_id")).values.view("<i4")
    throw = attribute_path(prefix, f"{method}.fthrow")
    values: Array | None = open_volume(throw).values if throw.is_file() else None
    return FaultVolumes(ids, values)


def in_one_piece(ids: Ids) -> set[int]:
    """Numbers of the true faults whose labelled voxels are one piece, not cut by other faults.

    Gaps of two voxels do not count.
    """
    whole = set()
    for number, box in enumerate(find_objects(ids), start=1):
        if box is None:
            continue
        mask = np.pad(ids[box] == number, 1)
        pieces, _ = label(binary_dilation(mask, CORNERS), CORNERS)
        if (np.bincount(pieces[mask]) >= PIECE_VOXELS).sum() == 1:
            whole.add(number)
    return whole


def counts(matching: Matching, whole: set[int]) -> dict[str, Any]:
    """Of a survey, as the columns of a row; `whole` are the true faults in one piece."""
    by_fault, scores = matching.fates(), matching.scores()
    fates = Counter(by_fault.values())
    of_whole = Counter(fate for fault, fate in by_fault.items() if fault in whole)
    return {
        "faults": fates.total(),
        **{name: fates[name] for name in OF_FAULTS},
        "in one piece": of_whole.total(),
        "of these found": of_whole["found"],
        "objects": len(matching.picked),
        "false objects": len(matching.false_objects()),
        "merged objects": len(matching.merged_objects()),
        "throw error, median": scores["throw_error_median"],
        "throw error, p90": scores["throw_error_p90"],
        "distance, p90": scores["distance_p90"],
    }


def rows_of(
    folder: Path, seed: int, scenario: Scenario, side: int, methods: list[str]
) -> list[dict[str, Any]]:
    """A row a method for one survey."""
    prefix = folder / f"{seed}"
    true = make_survey(prefix, seed, scenario, side)
    whole = in_one_piece(true.ids)
    rows = []
    for method in methods:
        seconds, memory = measure(__file__, "--one", method, str(prefix))
        matched = counts(match_faults(true, picked(prefix, method)), whole)
        drawn = "{} to {}".format(*scenario.faults)
        named = {"method": method, "seed": seed, "faults drawn": drawn}
        rows.append(named | matched | {"seconds": seconds, "MB": memory / 1e6})
    return rows


def shares(table: pd.DataFrame) -> list[str]:
    """A line a method: shares over all surveys."""
    lines = []
    for method, rows in table.groupby("method", sort=False):
        total = rows.sum(numeric_only=True)
        words = [
            *(f"{name} {total[name] / total['faults']:.1%}" for name in OF_FAULTS),
            *(f"{name} {total[name] / max(total['objects'], 1):.1%}" for name in OF_OBJECTS),
        ]
        words.append(
            f"of {total['in one piece']:.0f} faults in one piece"
            f" {total['of these found'] / total['in one piece']:.1%} are found as one"
        )
        lines.append(f"{method}: {total['faults']:.0f} faults: {', '.join(words)}")
    return lines


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        report(lambda: METHODS[a.one[0]](Path(a.one[1])))
        return
    a.output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for seed, scenario in tqdm(SURVEYS, "surveys"):
        with tempfile.TemporaryDirectory(dir=a.output) as scratch:
            rows += rows_of(Path(scratch), seed, scenario, a.side, a.methods)
    table = pd.DataFrame(rows)
    write_table(a.output, "faults", f"Faults of surveys of {a.side} cubed", table, *shares(table))


if __name__ == "__main__":
    main()
