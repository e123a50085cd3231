"""What a cluster has, held against what jobs ask; tests/slurm does it on a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from strataflow.errors import StrataflowError
from strataflow.workflow.cluster import COMMANDS, Nodes, Request, cards_of, partitions, require_fit

THERE = {
    "cpu": [Nodes(10, 0, 32, 128_000)],
    "gpu": [Nodes(2, 4, 64, 512_000), Nodes(1, 8, 64, 512_000)],
    "": [Nodes(10, 0, 32, 128_000)],
}


@pytest.mark.parametrize(
    ("devices", "cards"),
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
def test_cards_are_counted_as_slurm_writes_them(devices: str, cards: int) -> None:
    assert cards_of(devices) == cards


def test_what_fits_is_let_through() -> None:
    require_fit(
        [
            Request("plot", None, 0, 1, 32, 128_000),
            Request("infer", "gpu", 1, 1, 8, 9_000),
            Request("train_infer", "gpu", 12, 3, 32, 500_000),
            Request("train_refine", "gpu", 8, 1, 64, 1),
        ],
        THERE,
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Request("infer", "night"), "infer: no partition 'night' in Slurm; there are: cpu, gpu"),
        (Request("infer", "cpu", 1), "asks for 1 graphics cards .* 'cpu' has more than 0"),
        (Request("infer", "gpu", 9), "asks for 9 graphics cards"),
        (
            Request("train_infer", "gpu", 16, 2),
            "asks for 2 nodes with 8 graphics cards each, but 1",
        ),
        (Request("plot", None, 0, 1, 33), "asks for 33 cores .* the default partition .* 32"),
        (Request("plot", "cpu", 0, 1, 1, 200_000), "asks for 200000 MB of memory"),
    ],
)
def test_what_does_not_fit_is_said(asked: Request, said: str) -> None:
    with pytest.raises(StrataflowError, match=said):
        require_fit([asked], THERE)


def test_a_cluster_without_a_default_partition_wants_one_named() -> None:
    with pytest.raises(StrataflowError, match="no partition given and no default"):
        require_fit([Request("plot", None)], {"cpu": THERE["cpu"]})


def test_a_machine_without_slurm_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StrataflowError, match=r"Slurm: no sbatch .* on the PATH"):
        partitions()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("printf 'a*|2|8+|1000+|gpu:2\\nb|1|4|500|(null)\\n'", None),
        ("echo 'slurm_load_partitions: Unable to contact slurm controller' >&2; exit 1", "contact"),
    ],
)
def test_what_sinfo_says_is_understood(
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
