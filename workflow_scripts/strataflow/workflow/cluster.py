"""Check the requests of all jobs against a Slurm cluster before the first job is submitted."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import StrataflowError

COMMANDS = ("sbatch", "srun", "sinfo", "squeue", "scancel", "scontrol")
SECONDS_TO_ANSWER = 60


@dataclass(frozen=True)
class Request:
    """Resources that a job requests.

    Attributes:
        rule: Rule of the job.
        partition: Partition, or None for the default one.
        gpus: GPUs in total.
        nodes: Nodes.
        cores: CPU cores per node.
        memory: Memory per node in MB.
    """

    rule: str
    partition: str | None
    gpus: int = 0
    nodes: int = 1
    cores: int = 1
    memory: int = 0


@dataclass(frozen=True)
class Nodes:
    """Identical nodes of a partition, with the resources of each and the memory in MB."""

    count: int
    gpus: int
    cores: int
    memory: int


def partitions() -> dict[str, list[Nodes]]:
    """Return the nodes of each partition. The default partition is also listed under "".

    Raises:
        StrataflowError: The Slurm commands are missing, fail or do not answer.
    """
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if missing:
        raise StrataflowError(
            f"Slurm: {' '.join(missing)} not found on the PATH; is this the login node of a"
            " cluster?"
        )
    try:
        answer = subprocess.run(
            ["sinfo", "--noheader", "--format=%P|%D|%c|%m|%G"],
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_ANSWER,
            check=True,
        ).stdout
    except subprocess.TimeoutExpired:
        raise StrataflowError(
            f"Slurm: sinfo did not answer within {SECONDS_TO_ANSWER} s; try again later"
        ) from None
    except subprocess.CalledProcessError as error:
        raise StrataflowError(f"Slurm: sinfo failed: {error.stderr.strip()}") from None
    found: dict[str, list[Nodes]] = {}
    for line in answer.splitlines():
        name, count, cores, memory, devices = line.split("|")
        nodes = Nodes(int(count), count_gpus(devices), _number(cores), _number(memory))
        found.setdefault(name.rstrip("*"), []).append(nodes)
        if name.endswith("*"):
            found.setdefault("", []).append(nodes)
    return found


def count_gpus(devices: str) -> int:
    """Count the GPUs in the generic resources of a node: 4 in "gpu:a100:4(S:0-1),nic:2"."""
    without_sockets = re.sub(r"\([^)]*\)", "", devices)
    gpus = 0
    for device in without_sockets.split(","):
        parts = device.split(":")
        if parts[0] == "gpu":
            gpus += int(parts[-1]) if parts[-1].isdigit() else 1
    return gpus


def _number(text: str) -> int:
    """Parse a number of sinfo. It writes the minimum as "8+" if nodes differ."""
    return int(text.rstrip("+"))


def request_of(job: Any) -> Request:
    """Return the request of a Snakemake job. Resources of unknown size count as 0."""
    # The size of a resource can be unknown until the inputs of the job exist.
    known = {name: value for name, value in job.resources.items() if isinstance(value, int)}
    nodes = known.get("nodes", 1)
    return Request(
        job.rule.name,
        job.resources.get("slurm_partition"),
        known.get("gpu", 0),
        nodes,
        job.threads * known.get("tasks", 1) // nodes,
        known.get("mem_mb", 0),
    )


def require_fit(requests: Iterable[Request], available: dict[str, list[Nodes]]) -> None:
    """Check that the cluster can run all jobs.

    Args:
        requests: Requests of the jobs.
        available: Nodes of each partition, as `partitions` returns them.

    Raises:
        StrataflowError: A partition does not exist, or its nodes have too few resources.
    """
    for request in requests:
        name = request.partition or ""
        names = ", ".join(sorted(filter(None, available)))
        if name not in available:
            reason = (
                f"Slurm has no partition {name!r}" if name else "Slurm has no default partition"
            )
            raise StrataflowError(
                f"{request.rule}: {reason}; set slurm_partition to one of {names}"
            )
        gpus_per_node = -(-request.gpus // request.nodes)
        where = f"of partition {name!r}" if name else "of the default partition"
        for have, need, unit in (
            ([nodes.gpus for nodes in available[name]], gpus_per_node, "GPUs"),
            ([nodes.cores for nodes in available[name]], request.cores, "cores"),
            ([nodes.memory for nodes in available[name]], request.memory, "MB of memory"),
        ):
            if max(have) < need:
                raise StrataflowError(
                    f"{request.rule}: requests {need} {unit} per node, but no node {where} has more"
                    f" than {max(have)}"
                )
        suitable = sum(nodes.count for nodes in available[name] if nodes.gpus >= gpus_per_node)
        if suitable < request.nodes:
            raise StrataflowError(
                f"{request.rule}: requests {request.nodes} nodes with {gpus_per_node} GPUs each,"
                f" but only {suitable} {where} have them"
            )
