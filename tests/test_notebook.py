"""The notebook of the tutorial runs from top to bottom."""

from __future__ import annotations

import json
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from conftest import REPOSITORY

NOTEBOOK = REPOSITORY / "docs" / "tutorial" / "python.ipynb"


@pytest.mark.smoke
def test_the_cells_run_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    plt.switch_backend("agg")
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "clear the outputs before a commit"
            exec("".join(cell["source"]), names)
    plt.close("all")
    assert {values.shape for values in names["predicted"].values()} == {(64, 96, 96)}
    # SEG-Y and array are the same survey: averaging changes little.
    assert np.abs(names["faults"]["fsem"] - names["predicted"]["fsem"]).mean() < 0.05
    assert names["overlap"] > 0.2
    assert "IoU" in capsys.readouterr().out
