"""A handful of what `make soak` does by the hundred: stages that are hit while they run."""

from __future__ import annotations

import numpy as np
import pytest
from faults import FAULTS, Ground, befalls
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
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("ground")).prepare()


@pytest.mark.parametrize(("what", "name"), [(what, name) for what in HITS for name in HITS[what]])
def test_a_stage_that_is_hit_loses_nothing_and_leaves_nothing(
    ground: Ground, what: str, name: str
) -> None:
    (stage,) = [stage for stage in STAGES if stage.name == name]
    assert befalls(FAULTS[what], stage)
    seed = sum((what + name).encode())
    assert FAULTS[what](ground, stage, np.random.default_rng(seed)) is None


def test_damage_would_be_told(ground: Ground) -> None:
    (stage,) = [stage for stage in STAGES if stage.name == "export_vgi"]
    result = ground.folder / "export_vgi" / "fsem.vgi"
    result.write_bytes(result.read_bytes()[:-1])
    assert ground.half_done(stage) == "export_vgi: fsem.vgi is there and not whole"
    (ground.folder / "export_vgi" / ".left.part").touch()
    found = ground.rerun(stage)
    assert found is not None
    assert ".left.part" in found
    assert ground.rerun(stage) is None
