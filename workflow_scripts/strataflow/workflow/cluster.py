"""Check the requests of all jobs against a Slurm cluster before the first job is submitted."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import StrataflowError

COMMANDS = ("sbatch", "srun", "sinfo", "squeue", "scancel", "scontrol")
SECONDS_TO_ANSWER = 60

# Resources with the name of another cluster, as the executor plugin reads them.
CLUSTER_RESOURCES = ("cluster", "clusters", "slurm_cluster")


@dataclass(frozen=True)
class Request:
    """Resources that a job requests.

    Attributes:
        rule: Rule of the job.
        partition: Partition, or several with commas, any of which will do; None for the default.
        gpus: GPUs in total.
        nodes: Nodes.
        cores: CPU cores per node.
        memory: Memory per node in MB.
        cluster: Cluster, or None for that of the login node.
    """

    rule: str
    partition: str | None
    gpus: int = 0
    nodes: int = 1
    cores: int = 1
    memory: int = 0
    cluster: str | None = None

    @property
    def gpus_per_node(self) -> int:
        """GPUs that each node needs."""
        return -(-self.gpus // self.nodes)


@dataclass(frozen=True)
class Nodes:
    """Identical nodes of a partition, with the resources of each and the memory in MB.

    A resource that Slurm does not tell is unlimited.
    """

    count: int
    gpus: float
    cores: float
    memory: float

    def can_run(self, request: Request) -> bool:
        """Whether one of the nodes has what the job needs on a node."""
        return (
            self.gpus >= request.gpus_per_node
            and self.cores >= request.cores
            and self.memory >= request.memory
        )


Partitions = dict[str, list[Nodes]]


def partitions(cluster: str | None = None) -> Partitions:
    """Return the nodes of each partition. The default partition is also listed under "".

    Args:
        cluster: Name of another cluster. If it cannot be asked, nothing is known: the result is
            empty.

    Raises:
        StrataflowError: The Slurm commands are missing, or sinfo of this cluster fails or does not
            answer.
    """
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if missing:
        raise StrataflowError(
            f"Slurm: {' '.join(missing)} not found on the PATH; is this the login node of a"
            " cluster?"
        )
    # Hidden partitions, and nodes that differ one by one instead of "128000+".
    command = ["sinfo", "--all", "--exact", "--noheader", "--format=%P|%D|%c|%m|%G"]
    try:
        answer = subprocess.run(
            [*command, f"--clusters={cluster}"] if cluster else command,
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_ANSWER,
            check=True,
        ).stdout
    except subprocess.SubprocessError as error:
        if cluster:
            return {}
        if isinstance(error, subprocess.CalledProcessError):
            raise StrataflowError(f"Slurm: sinfo failed: {error.stderr.strip()}") from None
        raise StrataflowError(
            f"Slurm: sinfo did not answer within {SECONDS_TO_ANSWER} s; try again later"
        ) from None
    return _parsed(answer)


def _parsed(answer: str) -> Partitions:
    """Partitions in an answer of sinfo, without its other lines, such as "CLUSTER: name"."""
    found: Partitions = {}
    for line in answer.splitlines():
        if line.count("|") != 4:
            continue
        name, count, cores, memory, devices = line.split("|")
        known = found.setdefault(name.rstrip("*"), [])
        if name.endswith("*"):
            found[""] = known
        number = _number(count)
        if 0 < number < math.inf:
            known.append(Nodes(int(number), count_gpus(devices), _number(cores), _number(memory)))
    return found


def clusters_of(requests: Iterable[Request]) -> dict[str | None, Partitions]:
    """Return the partitions of all clusters that the jobs name."""
    return {name: partitions(name) for name in {request.cluster for request in requests}}


def count_gpus(devices: str) -> int:
    """Count the GPUs in the generic resources of a node: 4 in "gpu:a100:4(S:0-1),nic:2"."""
    without_sockets = re.sub(r"\([^)]*\)", "", devices)
    gpus = 0
    for device in without_sockets.split(","):
        parts = device.split(":")
        if parts[0] == "gpu":
            gpus += int(parts[-1]) if parts[-1].isdigit() else 1
    return gpus


def _number(text: str) -> float:
    """Parse a number of sinfo. It may write the minimum of several nodes as "8+"."""
    # With a plus the largest node is unknown, as it is where sinfo writes "N/A".
    return int(text) if text.isdecimal() else math.inf


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
        next((str(c) for n in CLUSTER_RESOURCES if (c := job.resources.get(n))), None),
    )


def requests_of(jobs: Iterable[Any], chosen_by_plugin: bool) -> list[Request]:
    """Return the different requests of Snakemake jobs.

    Args:
        jobs: The jobs.
        chosen_by_plugin: Whether the executor plug-in chooses the partition of jobs that name none,
            by limits that the user lists. These jobs are left out.
    """
    requests = {request_of(job) for job in jobs}
    return sorted((r for r in requests if r.partition or not chosen_by_plugin), key=str)


def require_fit(requests: Iterable[Request], available: dict[str | None, Partitions]) -> None:
    """Check that the clusters can run all jobs, as far as that is known. Slurm decides the rest.

    Args:
        requests: Requests of the jobs.
        available: Partitions of each cluster, as `clusters_of` returns them.

    Raises:
        StrataflowError: A partition does not exist, or no partition of a job has what it needs.
    """
    for request in requests:
        known = available.get(request.cluster, {})
        names = [name.strip() for name in (request.partition or "").split(",")]
        if not known or (names == [""] and "" not in known):
            # A plugin of the cluster may choose the partition.
            continue
        for name in names:
            if name not in known:
                others = ", ".join(sorted(filter(None, known)))
                raise StrataflowError(
                    f"{request.rule}: Slurm has no partition {name!r}; set slurm_partition to one"
                    f" of {others}"
                )
        reasons = [_why_not(request, name, known[name]) for name in names]
        if all(reasons):
            raise StrataflowError(f"{request.rule}: {reasons[0]}")


def _why_not(request: Request, name: str, nodes: list[Nodes]) -> str | None:
    """Return why a partition cannot run a job, or None if it can or its nodes are not known."""
    if not nodes:
        return None
    where = f"of partition {name!r}" if name else "of the default partition"
    for have, need, unit in (
        (max(n.gpus for n in nodes), request.gpus_per_node, "GPUs"),
        (max(n.cores for n in nodes), request.cores, "cores"),
        (max(n.memory for n in nodes), request.memory, "MB of memory"),
    ):
        if have < need:
            return f"requests {need} {unit} per node, but no node {where} has more than {have}"
    suitable = sum(n.count for n in nodes if n.can_run(request))
    if suitable >= request.nodes:
        return None
    each = f"{request.gpus_per_node} GPUs, {request.cores} cores and {request.memory} MB each"
    return f"requests {request.nodes} nodes with {each}, but only {suitable} {where} have them"
