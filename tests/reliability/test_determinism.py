"""The same input gives the same bytes, whatever the machine has to work with."""

from __future__ import annotations

from pathlib import Path

import pytest
from stages import STAGES

pytestmark = pytest.mark.reliability

BY_NAME = {stage.name: stage for stage in STAGES}


def test_predictions_in_fp32_are_the_same_for_one_core_and_for_two(tmp_path: Path) -> None:
    for name in ("synthesize_survey", "segy_to_binary"):
        status, line = BY_NAME[name].run(tmp_path)
        assert status == 0, line
    for name in ("infer", "refine"):
        results = []
        for cores in (1, 2):
            BY_NAME[name].forget(tmp_path)
            status, line = BY_NAME[name].run(tmp_path, f"export OMP_NUM_THREADS={cores}; ")
            assert status == 0, line
            results.append(BY_NAME[name].results(tmp_path))
        assert results[0] == results[1]
