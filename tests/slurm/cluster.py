"""A Slurm cluster of two nodes on this machine, each with a fake GPU.

slurmctld and both slurmd are real. A GPU is a character device that no process opens. This needs
root, Debian's slurm-wlm and munge, and a machine that does not belong to a cluster.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil  # type: ignore[import-untyped] # it has no stubs

# Job steps read this file even if SLURM_CONF is set.
CONFIGURATION = Path("/etc/slurm/slurm.conf")
MARK = "# A cluster for tests, on one machine."
NODES = ("n1", "n2")
COMMANDS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "sinfo", "scontrol", "srun")

SLURM_CONF = """{mark}
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort=17000
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
MinJobAge=3600
KillWait=20
InactiveLimit=0
SlurmdTimeout=10
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=1
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port=17001 CPUs=8 RealMemory=64000 Gres=gpu:1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port=17002 CPUs=8 RealMemory=64000 Gres=gpu:1
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=n1,n2 MaxTime=INFINITE State=UP
"""


def why_unavailable() -> str | None:
    """Return why a cluster cannot be started on this machine, or None if it can."""
    missing = [name for name in COMMANDS if _program(name) is None]
    if missing:
        return f"not installed: {' '.join(missing)}"
    if os.geteuid() != 0:
        return "only root may start Slurm's daemons"
    if CONFIGURATION.exists() and MARK not in CONFIGURATION.read_text():
        return f"{CONFIGURATION}: this machine belongs to a cluster"
    return None


class Cluster:
    """The Slurm daemons. `stop` ends them and all processes that they started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all daemons, and wait until both nodes accept jobs.

        Raises:
            RuntimeError: A daemon does not start in time. The message names the folder of the logs.
        """
        self.folder.mkdir(parents=True)
        (self.folder / "state").mkdir()
        for node in NODES:
            # One device per node, because Slurm counts a device only once per machine.
            device = self.folder / f"gpu_{node}"
            os.mknod(device, 0o020666, os.makedev(1, 3))
        CONFIGURATION.parent.mkdir(parents=True, exist_ok=True)
        CONFIGURATION.write_text(
            SLURM_CONF.format(
                mark=MARK, host=socket.gethostname().split(".")[0], folder=self.folder
            )
        )
        CONFIGURATION.with_name("gres.conf").write_text(
            "".join(f"NodeName={n} Name=gpu File={self.folder}/gpu_{n}\n" for n in NODES)
        )
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self._run(
            "munged",
            "--foreground",
            "--force",
            f"--key-file={key}",
            f"--socket={self.folder}/munge.socket",
            f"--pid-file={self.folder}/munged.pid",
            f"--seed-file={self.folder}/munge.seed",
            f"--log-file={self.folder}/munged.log",
        )
        _wait(lambda: (self.folder / "munge.socket").exists(), "munged")
        self._run("slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        _wait(self.ready, f"both nodes; see {self.folder}")

    def start_node(self, node: str) -> None:
        """Start the slurmd of `node`."""
        self._run("slurmd", "-D", "-N", node, name=node)

    def stop_node(self, node: str) -> None:
        """Kill the slurmd of `node` and its jobs, as in a power failure."""
        _end(self.daemons[node])

    def ready(self) -> bool:
        """Whether both nodes accept jobs."""
        found = subprocess.run(
            ["sinfo", "-h", "-N", "-p", "gpu", "-o", "%T"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return found.stdout.split() == ["idle"] * len(NODES)

    def stop(self) -> None:
        """Cancel all jobs, stop the daemons and remove the configuration."""
        with suppress(subprocess.SubprocessError):
            subprocess.run(["scancel", "--user", "root"], timeout=20, check=False)
        for daemon in reversed(self.daemons.values()):
            _end(daemon)
        for name in ("slurm.conf", "gres.conf"):
            CONFIGURATION.with_name(name).unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str, name: str | None = None) -> None:
        path = _program(program)
        assert path
        with open(self.folder / f"{name or program}.output", "ab") as output:
            self.daemons[name or program] = subprocess.Popen(
                [path, *arguments], stdout=output, stderr=output, start_new_session=True
            )


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def _end(daemon: subprocess.Popen[bytes]) -> None:
    """Kill a daemon and its child processes. It may have ended already."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(daemon.pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    daemon.wait(10)


def _wait(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"Slurm: waited {seconds} s for {what}")
        time.sleep(0.1)


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster with its state in the new folder `folder`, and stop it afterwards."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


@dataclass(frozen=True)
class Job:
    """A job as Slurm reports it."""

    number: str
    rule: str
    state: str
    node: str
    partition: str
    has_gpu: bool
    began: datetime
    ended: datetime


def jobs() -> list[Job]:
    """Return all jobs that have started."""
    found = []
    for text in output_of("scontrol", "--oneliner", "show", "job").splitlines():
        entry = dict(re.findall(r"(\w+)=(\S+)", text))
        rule = re.search(r"Comment=rule_(\w+?)(_wildcards|\s|$)", text)
        if rule and entry["StartTime"] != "Unknown" and entry["NodeList"] != "(null)":
            times = [
                datetime.max if entry[name] == "Unknown" else datetime.fromisoformat(entry[name])
                for name in ("StartTime", "EndTime")
            ]
            found.append(
                Job(
                    entry["JobId"],
                    rule[1],
                    entry["JobState"],
                    entry["NodeList"],
                    entry["Partition"],
                    "gres:gpu" in text or "gres/gpu" in text,
                    *times,
                )
            )
    return found
