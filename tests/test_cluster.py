"""Checks of job requests against a cluster. tests/slurm repeats them on a real Slurm."""

from __future__ import annotations

from pathlib import Path

import pytest

from strataflow.errors import StrataflowError
from strataflow.workflow.cluster import (
    COMMANDS,
    Nodes,
    Request,
    count_gpus,
    partitions,
    require_fit,
)

AVAILABLE = {
    "cpu": [Nodes(10, 0, 32, 128_000)],
    "gpu": [Nodes(2, 4, 64, 512_000), Nodes(1, 8, 64, 512_000)],
    "": [Nodes(10, 0, 32, 128_000)],
}


@pytest.mark.parametrize(
    ("devices", "gpus"),
    [
        ("(null)", 0),
        ("gpu:1", 1),
        ("gpu", 1),
        ("gpu:a100:4(S:0-1)", 4),
        ("gpu:a100:4(S:0,1),nic:2", 4),
        ("gpu:a100:2,gpu:h100:6", 8),
        ("nic:gpu:2", 0),
    ],
)
def test_gpus_are_counted_from_the_generic_resources_of_slurm(devices: str, gpus: int) -> None:
    assert count_gpus(devices) == gpus


def test_requests_that_fit_are_accepted() -> None:
    require_fit(
        [
            Request("plot", None, 0, 1, 32, 128_000),
            Request("infer", "gpu", 1, 1, 8, 9_000),
            Request("train_infer", "gpu", 12, 3, 32, 500_000),
            Request("train_refine", "gpu", 8, 1, 64, 1),
        ],
        AVAILABLE,
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            Request("infer", "night"),
            "infer: Slurm has no partition 'night'; set slurm_partition to one of cpu, gpu",
        ),
        (Request("infer", "cpu", 1), "requests 1 GPUs .* 'cpu' has more than 0"),
        (Request("infer", "gpu", 9), "requests 9 GPUs"),
        (
            Request("train_infer", "gpu", 16, 2),
            "requests 2 nodes with 8 GPUs each, but only 1",
        ),
        (Request("plot", None, 0, 1, 33), "requests 33 cores .* the default partition .* 32"),
        (Request("plot", "cpu", 0, 1, 1, 200_000), "requests 200000 MB of memory"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_with_the_reason(
    asked: Request, message: str
) -> None:
    with pytest.raises(StrataflowError, match=message):
        require_fit([asked], AVAILABLE)


def test_a_missing_default_partition_is_an_error() -> None:
    with pytest.raises(StrataflowError, match="Slurm has no default partition"):
        require_fit([Request("plot", None)], {"cpu": AVAILABLE["cpu"]})


def test_missing_slurm_commands_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StrataflowError, match=r"Slurm: sbatch .* not found on the PATH"):
        partitions()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("printf 'a*|2|8+|1000+|gpu:2\\nb|1|4|500|(null)\\n'", None),
        ("echo 'slurm_load_partitions: Unable to contact slurm controller' >&2; exit 1", "contact"),
    ],
)
def test_the_output_of_sinfo_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str | None
) -> None:
    for name in COMMANDS:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if said:
        with pytest.raises(StrataflowError, match=said):
            partitions()
    else:
        first, second = Nodes(2, 2, 8, 1000), Nodes(1, 0, 4, 500)
        assert partitions() == {"a": [first], "": [first], "b": [second]}
