"""Lines where labels would teach a network most: where it is least sure about faults.

The lines are chosen by the uncertainty of the prediction (uncertainty sampling: Lewis & Gale, 1994,
SIGIR), and apart from each other and from lines that are labelled already.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import StrataflowError
from ..files import written_whole
from ..volume.attributes import SPREAD
from ..volume.raw import Array, Shape
from ..volume.volume import Volume, attribute_path, label_path, open_volume
from .labelled_lines import line_numbers

# Number of lines that are listed.
COUNT = 20

# Lines to each side of a chosen one that teach the same, and lines up to which they teach less:
# half of the crop that training sees at once.
SAME, REACH = 8, 32


def rank_lines(
    prediction: Path,
    output: Path,
    shape: Shape | None = None,
    labels: Path | None = None,
    count: int = COUNT,
) -> pd.DataFrame:
    """Rank the inlines and crosslines of a survey by what labels on them would teach.

    The uncertainty of a voxel is the spread of the fault probability over copies, PREFIX.fuse. If
    it is missing, it is p (1 - p) of the fault probability p, PREFIX.fsem, times four.

    Args:
        prediction: PREFIX of the predictions.
        output: CSV file with the columns rank, line, number, uncertainty, times_mean. The last is
            the uncertainty relative to the mean of the survey.
        shape: Size of the volumes; required without sidecars.
        labels: PREFIX of labels. Lines near labelled ones follow later.
        count: Number of lines.

    Returns:
        The table.

    Raises:
        StrataflowError: There is neither PREFIX.fuse nor PREFIX.fsem.
    """
    found = [n for n in (SPREAD, "fsem") if attribute_path(prediction, n).is_file()]
    if not found:
        raise StrataflowError(f"{prediction}: neither .{SPREAD} nor .fsem to rank lines by")
    volume = open_volume(attribute_path(prediction, found[0]), shape, found[0])
    uncertainty = _uncertainty_of_traces(volume, found[0])
    live = volume.sidecar.live
    weights = _unlabelled(labels, shape, live.shape)
    rows = []
    means = [_mean(uncertainty, live, axis) for axis in (0, 1)]
    overall = float(uncertainty[live].mean()) if live.any() else 0.0
    for rank in range(1, min(count, sum(live.shape)) + 1):
        scores = [mean * weight for mean, weight in zip(means, weights, strict=True)]
        axis = int(scores[1].max() > scores[0].max())
        index = int(scores[axis].argmax())
        if not scores[axis][index] > 0:
            break
        numbers = line_numbers(volume.sidecar.axes[axis], live.shape[axis])
        rows.append(
            {
                "rank": rank,
                "line": ("inline", "crossline")[axis],
                "number": int(numbers[index]),
                "uncertainty": float(means[axis][index]),
                "times_mean": float(means[axis][index]) / max(overall, 1e-12),
            }
        )
        weights[axis] *= _away_from(index, live.shape[axis])
    columns = ["rank", "line", "number", "uncertainty", "times_mean"]
    table = pd.DataFrame(rows, columns=columns)
    with written_whole(output) as (temporary,):
        table.to_csv(temporary, index=False, float_format="%.6g")
    return table


def _uncertainty_of_traces(volume: Volume, name: str) -> NDArray[np.float64]:
    """Mean uncertainty of each trace (n3, n2)."""
    traces = np.zeros(volume.values.shape[:2])
    for i3, plane in enumerate(volume.values):
        values: Array = np.nan_to_num(np.asarray(plane))
        if name == "fsem":
            values = 4 * values * (1 - values)
        traces[i3] = values.mean(axis=1, dtype=np.float64)
    return traces


def _mean(traces: NDArray[np.float64], live: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Mean of the live traces of each line; 0 for lines of which less than half is live."""
    counts = live.sum(axis=1 - axis)
    sums = np.where(live, traces, 0).sum(axis=1 - axis)
    enough = counts >= max(live.shape[1 - axis] / 2, 1)
    result: NDArray[np.float64] = np.where(enough, sums / np.maximum(counts, 1), 0.0)
    return result


def _unlabelled(
    labels: Path | None, shape: Shape | None, sides: tuple[int, ...]
) -> list[NDArray[np.float64]]:
    """Weights of the inlines and of the crosslines, small near lines that are labelled."""
    weights = [np.ones(side) for side in sides]
    path = label_path(labels, "fsem") if labels else None
    if path is None:
        return weights
    values = open_volume(path, shape, "fsem").values
    known = np.array([np.isfinite(np.asarray(plane)).any(axis=1) for plane in values])
    for axis in (0, 1):
        for index in np.flatnonzero(known.mean(axis=1 - axis) > 0.5):
            weights[axis] *= _away_from(int(index), sides[axis])
    return weights


def _away_from(index: int, n: int) -> NDArray[np.float64]:
    """Weights (n,) that grow from 0 at SAME lines from a line to 1 at REACH lines from it."""
    return np.clip((np.abs(np.arange(n) - index) - SAME) / (REACH - SAME), 0.0, 1.0)
