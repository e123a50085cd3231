"""The workflow as a module of somebody else's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from conftest import PREDICTING, REPOSITORY, TINY, Workflow, synthetic_row

pytestmark = pytest.mark.workflow

SNAKEFILE = """
configfile: "config/config.yaml"

module strataflow:
    snakefile: "{repository}/Snakefile"
    config: config

use rule * from strataflow as seismic_*

rule count_faults:
    default_target: True
    input: "results/predictions/north/north.faults.csv"
    output: "results/faults.txt"
    shell: "tail -n +2 {{input}} | wc -l > {{output}}"
"""


def test_another_workflow_uses_it_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(repository=REPOSITORY))
    (tmp_path / "config").mkdir()
    shutil.copy(REPOSITORY / "config" / "config.yaml", tmp_path / "config")
    flow = Workflow(tmp_path)
    weights = str(REPOSITORY / "data" / "pretrained")
    flow.configure(TINY | PREDICTING | {"training.init_weights": weights})
    flow.list_volumes(synthetic_row("north"))
    done = flow.run(target="count_faults")
    assert done.returncode == 0, done.stdout + done.stderr
    faults = pd.read_csv(tmp_path / "results/predictions/north/north.faults.csv")
    assert int((tmp_path / "results/faults.txt").read_text()) == len(faults) > 0
