"""The workflow on a real Slurm of two nodes, and what is left when jobs and nodes die."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

import pytest
from cluster import Cluster, running_cluster, why_not

from conftest import (
    ATTRIBUTES,
    PREDICTING,
    Finished,
    Workflow,
    snakemake_environment,
    synthetic_row,
)

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("cluster")]

# Of this cluster alone: it has no accounting, and nobody else waits for its controller.
HERE = (
    *("--slurm-no-account", "--slurm-status-command", "squeue", "--latency-wait", "5"),
    *("--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"),
)
ATTRIBUTE = "results/infer/south/south.fsem"
WEIGHTS = "results/extract_weights/infer.pth"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = why_not()
    if reason:
        pytest.skip(f"no Slurm here: {reason}")
    with running_cluster(tmp_path_factory.mktemp("slurm") / "state") as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(tiny: Callable[..., Workflow]) -> Workflow:
    """Predictions with the shipped weights, made on this machine without Slurm."""
    return made_here(predicting(tiny), ATTRIBUTE)


def made_here(flow: Workflow, target: str) -> Workflow:
    done = flow.run(target=target)
    assert done.returncode == 0, done.stdout + done.stderr
    return flow


def predicting(tiny: Callable[..., Workflow]) -> Workflow:
    return tiny(PREDICTING | {"prediction.precision": "fp32"})


def learning(tiny: Callable[..., Workflow], epochs: int = 40) -> Workflow:
    """So many epochs that Slurm, which looks at its clock twice a minute, ends them.

    The samples are synthetic ones alone, so that few jobs come before.
    """
    flow = tiny({"training.epochs": epochs, "synthetic.train": 24})
    flow.list_volumes(synthetic_row("north", train="false"))
    return flow


@pytest.fixture(scope="module")
def taught(tiny: Callable[..., Workflow]) -> Workflow:
    """Weights that were trained on this machine without Slurm."""
    return made_here(learning(tiny), WEIGHTS)


# The nodes are this machine; their names stand in no table of hosts.
ONE_MACHINE = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}


def start(flow: Workflow, *words: str) -> subprocess.Popen[str]:
    """Begin `snakemake --profile profiles/slurm` with `words`, and do not wait."""
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", *HERE, *words],
        cwd=flow.folder,
        env=snakemake_environment() | ONE_MACHINE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(run: subprocess.Popen[str]) -> Finished:
    try:
        output, _ = run.communicate(timeout=900)
    finally:
        run.kill()
    return Finished(run.args, run.returncode, output, "")


def on_cluster(flow: Workflow, *words: str) -> None:
    done = finish(start(flow, *words))
    assert done.returncode == 0, done.stdout


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


@dataclass(frozen=True)
class Job:
    """What Slurm remembers of a job."""

    number: str
    rule: str
    state: str
    node: str
    partition: str
    has_card: bool
    began: datetime
    ended: datetime


def jobs() -> list[Job]:
    """All jobs that have begun so far."""
    found = []
    for text in ask("scontrol", "--oneliner", "show", "job").splitlines():
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


def running(rule: str, condition: Callable[[], bool] = lambda: True) -> Job:
    """Wait for a job of `rule` that runs, and for `condition`."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        alive = [job for job in jobs() if job.rule == rule and job.state == "RUNNING"]
        if alive and condition():
            return alive[-1]
        time.sleep(0.1)
    raise AssertionError(f"no job of {rule} ran within 300 s")


def same(flow: Workflow, other: Workflow, *paths: str) -> None:
    for path in paths:
        assert (flow.folder / path).read_bytes() == (other.folder / path).read_bytes(), path


def has_begun(flow: Workflow) -> bool:
    """Whether training has taken its first steps."""
    log = flow.folder / "results/train_infer/train_infer.log"
    return log.is_file() and "train/loss=" in log.read_text()


@pytest.mark.parametrize("words", [(), ("--slurm-array-jobs", "infer,refine")])
def test_a_survey_is_predicted_on_both_nodes_and_never_by_two_jobs_on_one_card(
    tiny: Callable[..., Workflow], undisturbed: Workflow, words: tuple[str, ...]
) -> None:
    flow = predicting(tiny)
    folder = "results/predictions/south"
    before = {job.number for job in jobs()}
    on_cluster(flow, *words, "--", f"{folder}/south.fsem", f"{folder}/seams.csv")
    same(flow, undisturbed, *(ATTRIBUTE.replace("fsem", name) for name in ATTRIBUTES))
    assert ("ArrayTaskId=" in ask("scontrol", "--oneliner", "show", "job")) == bool(words)
    done = [job for job in jobs() if job.number not in before]
    with_cards = [job for job in done if job.partition == "gpu"]
    assert {job.rule for job in with_cards} == {"infer", "refine", "check_seams"}
    assert {job.has_card for job in with_cards} == {True}
    assert not any(job.has_card for job in done if job.partition == "cpu")
    assert {job.node for job in done if job.rule == "infer"} == {"n1", "n2"}
    for one, other in combinations(with_cards, 2):
        apart = one.ended <= other.began or other.ended <= one.began
        assert one.node != other.node or apart, (one, other)


def test_a_cancelled_slab_is_made_again(
    tiny: Callable[..., Workflow], undisturbed: Workflow
) -> None:
    flow = predicting(tiny)
    run = start(flow, "--retries", "0", ATTRIBUTE)
    ask("scancel", running("infer").number)
    assert finish(run).returncode != 0
    assert not (flow.folder / ATTRIBUTE).exists()
    on_cluster(flow, ATTRIBUTE)
    same(flow, undisturbed, ATTRIBUTE)


def test_a_slab_out_of_memory_is_tried_with_more(
    tiny: Callable[..., Workflow], undisturbed: Workflow
) -> None:
    flow = predicting(tiny)
    before = {job.number for job in jobs()}
    on_cluster(flow, "--set-resources", "infer:mem_mb=200 + (attempt - 1) * 4000", "--", ATTRIBUTE)
    same(flow, undisturbed, ATTRIBUTE)
    states = [job.state for job in jobs() if job.rule == "infer" and job.number not in before]
    assert "COMPLETED" in states
    assert set(states) & {"CANCELLED", "OUT_OF_MEMORY", "FAILED"}, states


def test_a_node_that_dies_and_comes_back_loses_nothing(
    cluster: Cluster, tiny: Callable[..., Workflow], undisturbed: Workflow
) -> None:
    flow = predicting(tiny)
    run = start(flow, ATTRIBUTE)
    node = running("infer").node
    cluster.stop_node(node)
    time.sleep(3)
    cluster.start_node(node)
    done = finish(run)
    if done.returncode:
        on_cluster(flow, "--rerun-incomplete", ATTRIBUTE)
    same(flow, undisturbed, ATTRIBUTE)


@pytest.mark.parametrize("end", ["cancelled", "out of time"])
def test_training_that_is_ended_goes_on_where_it_was(
    tiny: Callable[..., Workflow], taught: Workflow, end: str
) -> None:
    flow = learning(tiny)
    run = start(flow, "--retries", "0", WEIGHTS)
    job = running("train_infer", lambda: has_begun(flow))
    if end == "cancelled":
        ask("scancel", job.number)
    else:
        ask("scontrol", "update", f"JobId={job.number}", "EndTime=now")
    stopped = finish(run)
    assert stopped.returncode != 0, stopped.stdout
    log = flow.folder / "results/train_infer/train_infer.log"
    assert "stopped by SIGTERM at step" in log.read_text()
    on_cluster(flow, WEIGHTS)
    assert "resuming from results/train_infer/run" in log.read_text()
    same(flow, taught, WEIGHTS, "results/train_infer/metrics.csv")


def test_two_nodes_train_together(tiny: Callable[..., Workflow]) -> None:
    flow = learning(tiny, epochs=1)
    flow.configure({"training.nodes": 2})
    on_cluster(flow, WEIGHTS)
    job = [job for job in jobs() if job.rule == "train_infer"][-1]
    assert job.node == "n[1-2]"
    assert (flow.folder / WEIGHTS).is_file()
    assert len(list((flow.folder / "results/train_infer/run").glob("epoch=*.ckpt"))) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--default-resources", "slurm_partition=night"),
            "no partition 'night' in Slurm; there are: cpu, gpu",
        ),
        (
            ("--set-resources", "infer:gpu=2", "infer:slurm_partition=gpu"),
            "infer: asks for 2 graphics cards on a node, but no node of partition 'gpu' has more"
            " than 1",
        ),
    ],
)
def test_what_the_cluster_has_not_is_said_before_a_job_is_sent(
    tiny: Callable[..., Workflow], words: tuple[str, ...], said: str
) -> None:
    before = len(jobs())
    done = finish(start(predicting(tiny), *words, "--", ATTRIBUTE))
    assert done.returncode != 0
    assert said in done.stdout
    assert "Traceback" not in done.stdout
    assert len(jobs()) == before
