"""The same input gives the same bytes for any number of cores."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages import STAGES

pytestmark = pytest.mark.reliability

BY_NAME = {stage.name: stage for stage in STAGES}


def test_fp32_predictions_on_one_core_and_on_two_are_identical(tmp_path: Path) -> None:
    for name in ("synthesize_survey", "segy_to_binary"):
        status, line = BY_NAME[name].run(tmp_path)
        assert status == 0, line
    for name in ("infer", "refine"):
        results = []
        for cores in (1, 2):
            BY_NAME[name].remove_results(tmp_path)
            status, line = BY_NAME[name].run(tmp_path, f"export OMP_NUM_THREADS={cores}; ")
            assert status == 0, line
            results.append(BY_NAME[name].results(tmp_path))
        assert results[0] == results[1]
