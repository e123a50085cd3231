"""Some of the faults of `make soak`, which applies hundreds of them to running stages."""

from __future__ import annotations

import numpy as np
import pytest

from faults import FAULTS, Baseline, applies_to
from stages import STAGES

pytestmark = pytest.mark.reliability


HITS = {
    "killed at a random moment": ("synthesize", "segy_to_binary", "train_infer", "infer", "refine"),
    "disk full": ("synthesize_survey", "join_slabs", "export_segy"),
    "folder that is read-only": ("segy_to_binary", "evaluate"),
    "input gone": ("refine", "pick_horizons"),
    "input cut short": ("make_patches", "check_seams"),
    "one bit of an input flipped": ("train_infer", "infer", "join_slabs", "evaluate"),
    "started twice at once": ("synthesize_survey", "infer"),
}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    return Baseline(tmp_path_factory.mktemp("baseline")).prepare()


@pytest.mark.parametrize(
    ("fault", "name"), [(fault, name) for fault in HITS for name in HITS[fault]]
)
def test_a_fault_corrupts_no_output_and_a_rerun_completes(
    baseline: Baseline, fault: str, name: str
) -> None:
    (stage,) = [stage for stage in STAGES if stage.name == name]
    assert applies_to(FAULTS[fault], stage)
    seed = sum((fault + name).encode())
    assert FAULTS[fault](baseline, stage, np.random.default_rng(seed)) is None


def test_corrupted_outputs_and_stray_files_are_reported(baseline: Baseline) -> None:
    (stage,) = [stage for stage in STAGES if stage.name == "export_vgi"]
    result = baseline.folder / "export_vgi" / "fsem.vgi"
    result.write_bytes(result.read_bytes()[:-1])
    assert baseline.corrupted_output(stage) == "export_vgi: fsem.vgi is incomplete"
    (baseline.folder / "export_vgi" / ".left.part").touch()
    failure = baseline.rerun(stage)
    assert failure is not None
    assert ".left.part" in failure
    assert baseline.rerun(stage) is None
