"""A folder of `strataflow run` on the cluster for tests, and settings that the cluster needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cluster import jobs

from conftest import REPOSITORY, SCRIPTS, snakemake_environment, write_segy
from strataflow.synthetic.earth import labelled_cube
from strataflow.synthetic.scenario import Scenario
from strataflow.volume.raw import Shape

# Settings of this cluster, which has no accounting and no other users.
LOCAL_PROFILE = {
    "slurm-no-account": True,
    "slurm-status-command": "squeue",
    "latency-wait": 5,
    "slurm-init-seconds-before-status-checks": 2,
    "seconds-between-status-checks": 2,
}
LOCAL_SETTINGS = [
    word
    for name, value in LOCAL_PROFILE.items()
    for word in ([f"--{name}"] if value is True else [f"--{name}", str(value)])
]
# So few jobs and such small ones that the test takes minutes.
SMALL = {
    "prediction.tile": [48, 48, 48],
    "interpretation.minimum_area": 20,
    "export.horizons": 3,
    "export.segy": False,
    "export.vgi": False,
}
SMALL_TRAINING = {
    "training.epochs": 1,
    "training.crop": [32, 32, 32],
    "synthetic.train": 2,
    "synthetic.valid": 1,
    "patches.size": [32, 32, 32],
}


@dataclass(frozen=True)
class Project:
    """A folder of `strataflow run`, and what Slurm ran for it last."""

    folder: Path
    survey: Path
    mask: Path

    @property
    def results(self) -> Path:
        """Results of the survey."""
        return self.folder / "results/predictions/survey"

    def run(self, *words: str) -> dict[str, set[str]]:
        """Run `strataflow run` on the cluster. Return the states of its jobs in Slurm by rule."""
        before = {job.number for job in jobs()}
        profile = self.folder.parent / "profile"
        command = [sys.executable, "-m", "strataflow", "run", "--output", str(self.folder)]
        process = subprocess.Popen(
            [*command, "--profile", str(profile), *words],
            cwd=self.folder.parent,
            env=snakemake_environment() | {"PYTHONPATH": str(SCRIPTS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=1500)
        finally:
            # Snakemake would outlive a command that is killed.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == 0, output
        states: dict[str, set[str]] = {}
        for job in jobs():
            if job.number not in before:
                states.setdefault(job.rule, set()).add(job.state)
        return states


SHAPE = Shape(64, 56, 48)


def new_project(folder: Path) -> Project:
    """A survey with a few faults, their mask, and the shipped profile with local settings."""
    clear = Scenario(faults=(2, 3), throw=(8, 12), fault_dip=(60, 75), noise=(0, 0.1))
    cube = labelled_cube((6,), SHAPE, clear)
    survey = write_segy(folder / "survey.sgy", cube.image)
    mask = write_segy(folder / "mask.sgy", cube.targets["fsem"])
    profile = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())
    (folder / "profile").mkdir()
    (folder / "profile/config.yaml").write_text(yaml.safe_dump(profile | LOCAL_PROFILE))
    return Project(folder / "interpretation", survey, mask)


def settings(changes: dict[str, Any]) -> list[str]:
    """`--set` for each of `changes`."""
    return [w for key, value in changes.items() for w in ("--set", f"{key}={json.dumps(value)}")]
