"""Lines where labels would teach most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strataflow.errors import StrataflowError
from strataflow.interpretation.line_ranking import rank_lines
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import write_volume

SHAPE = Shape(4, 60, 100)


def volume(path: Path, values: np.ndarray) -> None:
    write_volume(path, values.astype(np.float32), plain_sidecar(SHAPE, path.suffix[1:]))


def test_uncertain_lines_come_first_and_apart(tmp_path: Path) -> None:
    spread = np.full(SHAPE.array, 0.01)
    spread[70:74] = 0.3
    spread[:, 20] = 0.2
    volume(tmp_path / "p.fuse", spread)
    table = rank_lines(tmp_path / "p", tmp_path / "lines.csv", count=5)
    assert list(table["rank"]) == [1, 2, 3, 4, 5]
    first = table.iloc[:2]
    assert set(first["line"]) == {"inline", "crossline"}
    # Numbers count from 1.
    assert 71 <= first["number"][0] <= 74
    assert first["number"][1] == 21
    near = table[table["line"] == "inline"]["number"].to_numpy()
    assert np.abs(np.diff(np.sort(near))).min() > 5
    assert table["times_mean"][0] > 5


def test_lines_that_are_labelled_are_not_listed_again(tmp_path: Path) -> None:
    probability = np.full(SHAPE.array, 0.001)
    probability[30], probability[80] = 0.5, 0.4
    volume(tmp_path / "p.fsem", probability)
    label = np.full(SHAPE.array, np.nan)
    label[30] = 0
    volume(tmp_path / "l.fsem", label)
    table = rank_lines(tmp_path / "p", tmp_path / "lines.csv", labels=tmp_path / "l")
    assert (table["line"][0], table["number"][0]) == ("inline", 81)
    assert not ((table["line"] == "inline") & (table["number"] == 31)).any()


def test_without_faults_there_is_nothing_to_rank(tmp_path: Path) -> None:
    with pytest.raises(StrataflowError, match=r"neither \.fuse nor \.fsem"):
        rank_lines(tmp_path / "p", tmp_path / "lines.csv")
