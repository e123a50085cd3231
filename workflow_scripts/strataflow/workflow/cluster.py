"""What a Slurm cluster has, held against what jobs ask before the first of them is sent."""

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
    """What a job of `rule` asks for; cards, nodes and cores in all, memory in MB on each node."""

    rule: str
    partition: str | None
    cards: int = 0
    nodes: int = 1
    cores: int = 1
    memory: int = 0


@dataclass(frozen=True)
class Nodes:
    """So many nodes of a partition that are alike."""

    count: int
    cards: int
    cores: int
    memory: int


def partitions() -> dict[str, list[Nodes]]:
    """The nodes of each partition; the default partition is there again under the name "".

    Raises StrataflowError where Slurm's commands are missing or give no answer.
    """
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if missing:
        raise StrataflowError(
            f"Slurm: no {' '.join(missing)} on the PATH; is this the login node of a cluster?"
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
        raise StrataflowError(f"Slurm: sinfo gave no answer in {SECONDS_TO_ANSWER} s") from None
    except subprocess.CalledProcessError as error:
        raise StrataflowError(f"Slurm: sinfo: {error.stderr.strip()}") from None
    found: dict[str, list[Nodes]] = {}
    for line in answer.splitlines():
        name, count, cores, memory, devices = line.split("|")
        alike = Nodes(int(count), cards_of(devices), _number(cores), _number(memory))
        found.setdefault(name.rstrip("*"), []).append(alike)
        if name.endswith("*"):
            found.setdefault("", []).append(alike)
    return found


def cards_of(devices: str) -> int:
    """Graphics cards among the generic resources of a node: 4 in "gpu:a100:4(S:0-1),nic:2"."""
    without_sockets = re.sub(r"\([^)]*\)", "", devices)
    cards = 0
    for device in without_sockets.split(","):
        parts = device.split(":")
        if parts[0] == "gpu":
            cards += int(parts[-1]) if parts[-1].isdigit() else 1
    return cards


def _number(text: str) -> int:
    """sinfo writes "8+" where nodes differ and this is the least."""
    return int(text.rstrip("+"))


def request_of(job: Any) -> Request:
    """What a job of Snakemake asks for; what is not known before its inputs are there counts 0."""
    asked = {name: value for name, value in job.resources.items() if isinstance(value, int)}
    nodes = asked.get("nodes", 1)
    return Request(
        job.rule.name,
        job.resources.get("slurm_partition"),
        asked.get("gpu", 0),
        nodes,
        job.threads * asked.get("tasks", 1) // nodes,
        asked.get("mem_mb", 0),
    )


def require_fit(requests: Iterable[Request], there: dict[str, list[Nodes]]) -> None:
    """Raise StrataflowError, with the rule and what is there, for what no node can give."""
    for asked in requests:
        name = asked.partition or ""
        known = sorted(filter(None, there))
        if name not in there:
            what = f"no partition {name!r}" if name else "no partition given and no default"
            raise StrataflowError(f"{asked.rule}: {what} in Slurm; there are: {', '.join(known)}")
        each = -(-asked.cards // asked.nodes)
        where = f"of partition {name!r}" if name else "of the default partition"
        for have, need, unit in (
            ([nodes.cards for nodes in there[name]], each, "graphics cards"),
            ([nodes.cores for nodes in there[name]], asked.cores, "cores"),
            ([nodes.memory for nodes in there[name]], asked.memory, "MB of memory"),
        ):
            if max(have) < need:
                raise StrataflowError(
                    f"{asked.rule}: asks for {need} {unit} on a node, but no node {where} has more"
                    f" than {max(have)}"
                )
        able = sum(nodes.count for nodes in there[name] if nodes.cards >= each)
        if able < asked.nodes:
            raise StrataflowError(
                f"{asked.rule}: asks for {asked.nodes} nodes with {each} graphics cards each, but"
                f" {able} {where} have them"
            )
