"""The whole line on a field survey that is not in the repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio

from conftest import ATTRIBUTES, Workflow

pytestmark = pytest.mark.workflow


def test_the_field_crop_comes_out_as_segy_vgi_and_pictures(
    shared_data: Path, tiny: Callable[..., Workflow]
) -> None:
    survey = shared_data / "field" / "parihaka_near_crop_il128_xl128_t224_ibm.sgy"
    flow = tiny(
        {
            "training.epochs": 0,
            "training.init_weights": "data/pretrained",
            "model.preset": "base",
            "prediction.tile": [128, 128, 128],
        }
    )
    flow.list_volumes({"volume": "parihaka", "segy": str(survey)})
    done = flow.run()
    assert done.returncode == 0, done.stdout + done.stderr
    folder = flow.folder / "results" / "predictions" / "parihaka"
    suffixes = ("", ".json", ".sgy", ".vgi", ".mhd", ".png")
    expected = {f"parihaka.{name}{suffix}" for name in ATTRIBUTES for suffix in suffixes}
    expected |= {"parihaka.fault_sticks.txt", "parihaka.horizons.csv", "seams.csv"}
    assert expected <= {path.name for path in folder.iterdir()}
    assert not (folder / "metrics.json").exists()
    with segyio.open(folder / "parihaka.fsem.sgy") as out, segyio.open(survey) as source:
        assert list(out.ilines) == list(source.ilines)
        fsem = segyio.tools.cube(out)
        amplitude = segyio.tools.cube(source)
    fault = fsem >= 0.5
    # Two faults and their relay cross this small crop: 6 % of its voxels.
    assert 0.02 < fault.mean() < 0.1
    # Faults break reflections: neighbouring traces match less there than elsewhere.
    a, b = amplitude[:, :-4], amplitude[:, 4:]
    mismatch = np.abs(a - b) / (np.abs(a) + np.abs(b) + 0.1 * np.abs(amplitude).mean())
    across = fault[:, 2:-2]
    assert mismatch[across].mean() > 1.4 * mismatch[~across].mean()
