"""Checks of job requests against a cluster. tests/slurm repeats them on a real Slurm."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from strataflow.errors import StrataflowError
from strataflow.workflow.cluster import (
    COMMANDS,
    Nodes,
    Request,
    clusters_of,
    count_gpus,
    partitions,
    request_of,
    requests_of,
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
        {None: AVAILABLE},
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
            "requests 2 nodes with 8 GPUs, 1 cores and 0 MB each, but only 1",
        ),
        (Request("plot", None, 0, 1, 33), "requests 33 cores .* the default partition .* 32"),
        (Request("plot", "cpu", 0, 1, 1, 200_000), "requests 200000 MB of memory"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_with_the_reason(
    asked: Request, message: str
) -> None:
    with pytest.raises(StrataflowError, match=message):
        require_fit([asked], {None: AVAILABLE})


def test_what_cannot_be_known_is_left_to_slurm() -> None:
    only = {"cpu": AVAILABLE["cpu"]}
    # A plugin of the cluster may choose the partition where there is no default.
    require_fit([Request("plot", None)], {None: only})
    # Nodes that are started on demand, and clusters that cannot be asked.
    require_fit([Request("infer", "cloud", 8)], {None: {"cloud": []}})
    require_fit([Request("infer", "far", 8, cluster="other")], {None: only, "other": {}})


def test_any_of_several_partitions_will_do() -> None:
    require_fit(
        [Request("infer", "cpu,gpu", 1), Request("infer", "gpu, cpu", 1)], {None: AVAILABLE}
    )
    with pytest.raises(StrataflowError, match=r"requests 9 GPUs per node, but no node of .*'cpu'"):
        require_fit([Request("infer", "cpu,gpu", 9)], {None: AVAILABLE})
    with pytest.raises(StrataflowError, match="no partition 'night'"):
        require_fit([Request("infer", "cpu,night")], {None: AVAILABLE})


def test_nodes_must_have_all_resources_at_once() -> None:
    mixed = {"mixed": [Nodes(4, 4, 8, 64_000), Nodes(4, 0, 64, 512_000)]}
    require_fit([Request("train_infer", "mixed", 0, 4, 64, 512_000)], {None: mixed})
    require_fit([Request("train_infer", "mixed", 0, 8, 8, 64_000)], {None: mixed})
    with pytest.raises(StrataflowError, match="but only 0 of partition 'mixed' have them"):
        require_fit([Request("train_infer", "mixed", 4, 1, 64, 64_000)], {None: mixed})


def test_jobs_of_another_cluster_are_held_against_its_partitions() -> None:
    clusters = {None: AVAILABLE, "other": {"big": [Nodes(1, 8, 8, 8)]}}
    require_fit([Request("infer", "big", 8, cluster="other")], clusters)
    with pytest.raises(StrataflowError, match=r"no partition 'gpu'; set .* one of big"):
        require_fit([Request("infer", "gpu", cluster="other")], clusters)


@pytest.mark.parametrize("name", ["cluster", "clusters", "slurm_cluster"])
def test_requests_name_their_cluster(name: str) -> None:
    resources = {name: "other", "slurm_partition": "big", "mem_mb": 100}
    job = SimpleNamespace(rule=SimpleNamespace(name="infer"), resources=resources, threads=2)
    assert request_of(job) == Request("infer", "big", 0, 1, 2, 100, "other")


def test_jobs_whose_partition_the_plugin_chooses_are_left_to_it() -> None:
    named, unnamed = (
        SimpleNamespace(rule=SimpleNamespace(name=name), resources=resources, threads=1)
        for name, resources in (("plot", {"slurm_partition": "cpu"}), ("infer", {"gpu": 9}))
    )
    jobs = [unnamed, named, named]
    assert requests_of(jobs, chosen_by_plugin=True) == [request_of(named)]
    assert requests_of(jobs, chosen_by_plugin=False) == [request_of(unnamed), request_of(named)]


def test_missing_slurm_commands_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StrataflowError, match=r"Slurm: sbatch .* not found on the PATH"):
        partitions()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("printf 'a*|2|8|1000|gpu:2\\nb|1|4|500|(null)\\n'", None),
        ("printf 'CLUSTER: x\\na*|2|8|1000|gpu:2\\n\\nb|1|4|500|(null)\\nc|0|0|0|\\n'", None),
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
        found = partitions()
        assert found.pop("c", []) == []
        assert found == {"a": [first], "": [first], "b": [second]}


def test_sinfo_is_asked_for_hidden_partitions_and_each_kind_of_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in COMMANDS:
        (tmp_path / name).write_text('#!/bin/sh\necho "$@" >> "$0.log"; echo "n|1|2+|3+|gpu:1"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    # The largest of several nodes is not known.
    assert partitions() == {"n": [Nodes(1, 1, math.inf, math.inf)]}
    partitions("other")
    first, second = (tmp_path / "sinfo.log").read_text().splitlines()
    assert {"--all", "--exact"} <= set(first.split())
    assert "--clusters=other" in second.split()


def test_another_cluster_that_does_not_answer_is_left_to_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in COMMANDS:
        (tmp_path / name).write_text("#!/bin/sh\necho no database >&2; exit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert clusters_of([Request("infer", "big", cluster="other")]) == {"other": {}}
