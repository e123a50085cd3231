"""The workflow on a real Slurm cluster of two nodes, with jobs and nodes that fail."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from cluster import Cluster, Job, jobs, output_of, running_cluster, why_unavailable
from project import LOCAL_SETTINGS, SHAPE, SMALL, SMALL_TRAINING, Project, new_project, settings

from conftest import (
    ATTRIBUTES,
    PREDICTING,
    Finished,
    Workflow,
    snakemake_environment,
    synthetic_row,
)

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("cluster")]

ATTRIBUTE = "results/infer/south/south.fsem"
WEIGHTS = "results/extract_weights/infer.pth"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    reason = why_unavailable()
    if reason:
        pytest.skip(f"no Slurm: {reason}")
    with running_cluster(tmp_path_factory.mktemp("slurm") / "state") as started:
        yield started


@pytest.fixture(scope="module")
def undisturbed(tiny: Callable[..., Workflow]) -> Workflow:
    """Predictions with the shipped weights, made without Slurm."""
    return run_locally(prediction(tiny), ATTRIBUTE)


def run_locally(flow: Workflow, target: str) -> Workflow:
    done = flow.run(target=target)
    assert done.returncode == 0, done.stdout + done.stderr
    return flow


def prediction(tiny: Callable[..., Workflow]) -> Workflow:
    return tiny(PREDICTING | {"prediction.precision": "fp32"})


def training(tiny: Callable[..., Workflow], epochs: int = 40) -> Workflow:
    """A workflow that trains on synthetic samples only, so that few jobs come before training.

    Slurm checks time limits twice a minute. 40 epochs take longer than that.
    """
    flow = tiny({"training.epochs": epochs, "synthetic.train": 24})
    flow.list_volumes(synthetic_row("north", train="false"))
    return flow


@pytest.fixture(scope="module")
def trained(tiny: Callable[..., Workflow]) -> Workflow:
    """Weights trained without Slurm."""
    return run_locally(training(tiny), WEIGHTS)


# Both nodes are this machine, and their names cannot be resolved.
ONE_MACHINE = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}


def start(flow: Workflow, *words: str) -> subprocess.Popen[str]:
    """Start `snakemake --profile profiles/slurm` with `words`, without waiting for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", *LOCAL_SETTINGS, *words],
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


def running(rule: str, condition: Callable[[], bool] = lambda: True) -> Job:
    """Wait for `condition` and for a running job of `rule`, and return the job."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        alive = [job for job in jobs() if job.rule == rule and job.state == "RUNNING"]
        if alive and condition():
            return alive[-1]
        time.sleep(0.1)
    raise AssertionError(f"no job of {rule} ran within 300 s")


def assert_same_files(flow: Workflow, other: Workflow, *paths: str) -> None:
    for path in paths:
        assert (flow.folder / path).read_bytes() == (other.folder / path).read_bytes(), path


def has_trained_steps(flow: Workflow) -> bool:
    """Whether training has done its first steps."""
    log = flow.folder / "results/train_infer/train_infer.log"
    return log.is_file() and "train/loss=" in log.read_text()


@pytest.mark.parametrize("words", [(), ("--slurm-array-jobs", "infer,refine")])
def test_a_survey_is_predicted_on_both_nodes_with_one_job_per_gpu(
    tiny: Callable[..., Workflow], undisturbed: Workflow, words: tuple[str, ...]
) -> None:
    flow = prediction(tiny)
    folder = "results/predictions/south"
    before = {job.number for job in jobs()}
    on_cluster(flow, *words, "--", f"{folder}/south.fsem", f"{folder}/seams.csv")
    assert_same_files(flow, undisturbed, *(ATTRIBUTE.replace("fsem", name) for name in ATTRIBUTES))
    assert ("ArrayTaskId=" in output_of("scontrol", "--oneliner", "show", "job")) == bool(words)
    done = [job for job in jobs() if job.number not in before]
    with_gpu = [job for job in done if job.partition == "gpu"]
    assert {job.rule for job in with_gpu} == {"infer", "refine", "check_seams"}
    assert {job.has_gpu for job in with_gpu} == {True}
    assert not any(job.has_gpu for job in done if job.partition == "cpu")
    assert {job.node for job in done if job.rule == "infer"} == {"n1", "n2"}
    for one, other in combinations(with_gpu, 2):
        apart = one.ended <= other.began or other.ended <= one.began
        assert one.node != other.node or apart, (one, other)


def test_a_cancelled_slab_is_predicted_again(
    tiny: Callable[..., Workflow], undisturbed: Workflow
) -> None:
    flow = prediction(tiny)
    run = start(flow, "--retries", "0", ATTRIBUTE)
    output_of("scancel", running("infer").number)
    assert finish(run).returncode != 0
    assert not (flow.folder / ATTRIBUTE).exists()
    on_cluster(flow, ATTRIBUTE)
    assert_same_files(flow, undisturbed, ATTRIBUTE)


def test_a_slab_that_runs_out_of_memory_is_retried_with_more_memory(
    tiny: Callable[..., Workflow], undisturbed: Workflow
) -> None:
    flow = prediction(tiny)
    before = {job.number for job in jobs()}
    on_cluster(flow, "--set-resources", "infer:mem_mb=200 + (attempt - 1) * 4000", "--", ATTRIBUTE)
    assert_same_files(flow, undisturbed, ATTRIBUTE)
    states = [job.state for job in jobs() if job.rule == "infer" and job.number not in before]
    assert "COMPLETED" in states
    assert set(states) & {"CANCELLED", "OUT_OF_MEMORY", "FAILED"}, states


def test_results_are_complete_after_a_node_fails_and_returns(
    cluster: Cluster, tiny: Callable[..., Workflow], undisturbed: Workflow
) -> None:
    flow = prediction(tiny)
    run = start(flow, ATTRIBUTE)
    node = running("infer").node
    cluster.stop_node(node)
    time.sleep(3)
    cluster.start_node(node)
    done = finish(run)
    if done.returncode:
        on_cluster(flow, "--rerun-incomplete", ATTRIBUTE)
    assert_same_files(flow, undisturbed, ATTRIBUTE)


@pytest.mark.parametrize("end", ["cancelled", "out of time"])
def test_training_stopped_by_slurm_resumes_exactly(
    tiny: Callable[..., Workflow], trained: Workflow, end: str
) -> None:
    flow = training(tiny)
    run = start(flow, "--retries", "0", WEIGHTS)
    job = running("train_infer", lambda: has_trained_steps(flow))
    if end == "cancelled":
        output_of("scancel", job.number)
    else:
        output_of("scontrol", "update", f"JobId={job.number}", "EndTime=now")
    stopped = finish(run)
    assert stopped.returncode != 0, stopped.stdout
    log = flow.folder / "results/train_infer/train_infer.log"
    assert "stopped by SIGTERM at step" in log.read_text()
    on_cluster(flow, WEIGHTS)
    assert "resuming from results/train_infer/run" in log.read_text()
    assert_same_files(flow, trained, WEIGHTS, "results/train_infer/metrics.csv")


def test_two_nodes_share_a_training(tiny: Callable[..., Workflow]) -> None:
    flow = training(tiny, epochs=1)
    flow.configure({"training.nodes": 2})
    on_cluster(flow, WEIGHTS)
    job = [job for job in jobs() if job.rule == "train_infer"][-1]
    assert job.node == "n[1-2]"
    assert (flow.folder / WEIGHTS).is_file()
    assert len(list((flow.folder / "results/train_infer/run").glob("epoch=*.ckpt"))) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--default-resources", "slurm_partition=night"),
            "Slurm has no partition 'night'; set slurm_partition to one of cpu, gpu",
        ),
        (
            ("--set-resources", "infer:gpu=2", "infer:slurm_partition=gpu"),
            "infer: requests 2 GPUs per node, but no node of partition 'gpu' has more than 1",
        ),
    ],
)
def test_a_request_that_the_cluster_cannot_satisfy_is_refused_before_any_job_is_submitted(
    tiny: Callable[..., Workflow], words: tuple[str, ...], message: str
) -> None:
    before = len(jobs())
    done = finish(start(prediction(tiny), *words, "--", ATTRIBUTE))
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert len(jobs()) == before


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def interpreted(project: Project) -> dict[str, set[str]]:
    """States of the jobs that interpreted the survey with the shipped weights."""
    return project.run(str(project.survey), *settings(SMALL))


def test_one_command_picks_faults_fits_time_and_picks_horizons_on_the_cluster(
    project: Project, interpreted: dict[str, set[str]]
) -> None:
    stages = {"segy_to_binary", "infer", "join_slabs", "deliver", "check_seams", "pick_faults"}
    stages |= {"fit_rgt", "pick_horizons", "plot", "render_scene", "make_overview"}
    assert interpreted == {stage: {"COMPLETED"} for stage in stages}
    assert len(pd.read_csv(project.results / "survey.faults.csv"))
    assert len(pd.read_csv(project.results / "survey.horizon_index.csv")) == 3
    time = np.fromfile(project.results / "survey.rgt", "<f4")
    assert [time.size, time.min(), time.max()] == [SHAPE.n_bytes // 4, 0, 1]


@pytest.mark.usefixtures("interpreted")
def test_the_same_folder_with_a_mask_of_some_lines_trains_on_the_cluster(project: Project) -> None:
    sheet = project.folder / "config/volumes.tsv"
    rows = pd.read_csv(sheet, sep="\t", dtype=str)
    rows["fsem"], rows["labelled"], rows["held_out"] = (
        str(project.mask),
        "inline 14-50/6",
        "inline 32",
    )
    rows.to_csv(sheet, sep="\t", index=False)
    before = (project.results / "survey.fsem").read_bytes()
    states = project.run("--train", *settings(SMALL_TRAINING))
    trained = {"labels", "synthesize", "train_infer", "extract_weights", "infer", "evaluate"}
    assert {stage: states.get(stage) for stage in trained} == {s: {"COMPLETED"} for s in trained}
    table = pd.read_csv(project.folder / "results/train_infer/training_data.csv")
    assert any(table["source"].str.endswith("survey.bin"))
    assert json.loads((project.results / "metrics.json").read_text())["fault"]
    assert (project.results / "survey.fsem").read_bytes() != before
