"""The whole line on tiny synthetic surveys, and what a change reruns."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from io import StringIO

import numpy as np
import pandas as pd
import pytest
import segyio
import torch

from conftest import (
    ATTRIBUTES,
    PREDICTING,
    TINY,
    Workflow,
    synthetic_row,
)
from strataflow.volume.attributes import PICKED
from strataflow.volume.sidecar import read_sidecar

pytestmark = pytest.mark.workflow

EXPORTS = {"export_segy": 8, "export_vgi": 8}
PICKS = {"pick_faults": 1, "fit_rgt": 1, "pick_horizons": 1}
OVERVIEW = {"make_overview": 1}
AFTER_REFINE = {"deliver": 1, **EXPORTS, "plot": 1, **PICKS, "render_scene": 1, **OVERVIEW}
SCORES = {"compare_passes": 1}
AFTER_INFER = {
    "check_seams": 1,
    "refine": 1,
    "join_slabs": 2,
    "evaluate": 2,
    **SCORES,
    **AFTER_REFINE,
}


@pytest.fixture(scope="module")
def finished(tiny: Callable[..., Workflow]) -> Workflow:
    """A workflow that has run: north is predicted and scored, south is trained on."""
    flow = tiny()
    flow.list_volumes(
        synthetic_row("north", train="false"), synthetic_row("south", predict="false")
    )
    done = flow.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return flow


@pytest.fixture
def changed(finished: Workflow) -> Iterator[Workflow]:
    """The finished workflow, whose configuration is restored after the test."""
    kept = {
        path: path.read_bytes() for path in (finished.folder / "config").iterdir() if path.is_file()
    }
    yield finished
    for path, content in kept.items():
        path.write_bytes(content)


def test_all_that_is_promised_is_delivered(finished: Workflow) -> None:
    folder = finished.folder / "results" / "predictions" / "north"
    suffixes = ("", ".json", ".sgy", ".vgi", ".mhd", ".png")
    expected = {f"north.{name}{suffix}" for name in ATTRIBUTES for suffix in suffixes}
    expected |= {f"north.{name}{suffix}" for name in PICKED for suffix in suffixes[:-1]}
    picks = ["faults.csv", "fault_points.csv", "fault_throws.csv", "faults.vtp", "faults.ts"]
    picks += ["fault_surfaces.npz", "fault_sticks.txt", "fault_sticks.odt.txt", "horizons.csv"]
    picks += ["horizon_index.csv", "horizons.vtp"]
    kinds = ("irap", "odt.txt", "png")
    picks += [f"horizon_{number:02d}.{kind}" for number in range(1, 11) for kind in kinds]
    # Only a machine with OpenGL libraries draws the scene.
    assert {path.name for path in folder.iterdir()} - {"north.scene.png"} == expected | {
        *("metrics.json", "passes.csv", "seams.csv", "seams.png", "north.scene.json"),
        *("north.rose.png", "north.spectrum.png", "north.faults.png", "north.throws.png"),
        *(f"north.{pick}" for pick in picks),
    }


def test_attributes_of_the_last_pass_are_delivered_without_a_copy(finished: Workflow) -> None:
    results = finished.folder / "results"
    for name in ("dhr", "fsem", "fdip", "fstrike"):
        delivered = results / f"predictions/north/north.{name}"
        assert delivered.samefile(results / f"refine/north/1/north.{name}"), name


def test_no_output_is_the_same_file_as_an_input(finished: Workflow) -> None:
    # Snakemake updates the times of outputs one by one, and fails if one is older than an input.
    summary = finished.run("--detailed-summary").stdout
    table = pd.read_csv(StringIO(summary), sep="\t", keep_default_na=False)
    for output, inputs in zip(table["output_file"], table["input-file(s)"], strict=True):
        path = finished.folder / output
        others = [finished.folder / name for name in inputs.split(",") if name]
        assert not any(path.samefile(o) for o in others if path.exists() and o.exists()), output


def test_predictions_keep_their_promised_ranges(finished: Workflow) -> None:
    prefix = finished.folder / "results" / "predictions" / "north" / "north"
    cubes = {
        name: np.fromfile(f"{prefix}.{name}", "<f4").reshape(40, 48, 48) for name in ATTRIBUTES
    }
    assert (cubes["rgt"].min(), cubes["rgt"].max()) == (0, 1)
    for name in ("fsem", "fdip", "fstrike"):
        assert 0 <= cubes[name].min() <= cubes[name].max() <= 1
    off = cubes["fsem"] < 0.5
    assert not cubes["fdip"][off].any()
    assert not cubes["fstrike"][off].any()


def test_the_exported_segy_has_the_headers_of_the_survey(finished: Workflow) -> None:
    results = finished.folder / "results"
    with (
        segyio.open(results / "synthesize_survey" / "north" / "image.sgy") as survey,
        segyio.open(results / "predictions" / "north" / "north.fsem.sgy") as exported,
    ):
        assert list(exported.ilines) == list(survey.ilines)
        assert list(exported.xlines) == list(survey.xlines)
        assert list(exported.samples) == list(survey.samples)
        for field in (segyio.TraceField.CDP_X, segyio.TraceField.CDP_Y):
            assert (exported.attributes(field)[:] == survey.attributes(field)[:]).all()
        raw = np.fromfile(results / "predictions" / "north" / "north.fsem", "<f4")
        assert (segyio.tools.cube(exported).ravel() == raw).all()


def test_the_demo_is_scored_against_its_truth(finished: Workflow) -> None:
    folder = finished.folder / "results/predictions/north"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"fault", "orientation", "rgt", "dhr"} <= metrics.keys()
    sidecar = read_sidecar(folder / "north.fsem")
    table = pd.read_csv(folder / "passes.csv")
    assert list(table["pass"]) == ["infer", "refine 1"]
    expected = metrics["fault"]["average_precision"]
    assert table["fault.average_precision"][1] == pytest.approx(expected, rel=1e-3)
    assert metrics["voxels"] == np.count_nonzero(sidecar.live) * sidecar.shape.n1


def test_every_stage_leaves_a_log_and_a_benchmark(finished: Workflow) -> None:
    results = finished.folder / "results"
    for stage in (
        "synthesize",
        "describe_samples",
        "make_patches",
        "train_infer",
        "predict_samples",
        "infer",
        "refine",
        "evaluate",
        "export_segy",
    ):
        assert list((results / stage).rglob("*.log")), stage
        assert list((results / stage).rglob("*.benchmark.tsv")), stage


def test_the_manifest_numbers_the_samples_without_gaps(finished: Workflow) -> None:
    for folder in ("synthesize", "make_patches/south"):
        place = finished.folder / "results" / folder
        table = pd.read_csv(place / "manifest_train.csv")
        assert list(table["sample"]) == list(range(len(table)))
        assert {p.name for p in (place / "data_train").glob("*[0-9].bin")} == {
            f"{number}.bin" for number in table["sample"]
        }


def test_a_second_run_has_nothing_to_do(finished: Workflow) -> None:
    done = finished.run()
    assert "Nothing to be done" in done.stdout + done.stderr


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_was_wrong_reruns_nothing(finished: Workflow, days: int) -> None:
    def shift(by: int) -> None:
        for path in (finished.folder / "results").rglob("*"):
            if path.is_file():
                status = path.stat()
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + by * 86400 * 10**9))

    shift(days)
    try:
        assert finished.jobs() == {}
    finally:
        shift(-days)


def test_a_second_run_in_the_same_folder_is_refused(finished: Workflow) -> None:
    first = finished.start("--forcerun", "plot")
    locks = finished.folder / ".snakemake" / "locks"
    while first.poll() is None and not (locks.is_dir() and any(locks.iterdir())):
        time.sleep(0.1)
    # The first run must not end before the second looks for its lock.
    first.send_signal(signal.SIGSTOP)
    try:
        second = finished.run()
    finally:
        first.send_signal(signal.SIGCONT)
    # One of them has the folder, mostly the first.
    assert sorted([first.wait(timeout=600), second.returncode]) == [0, 1]
    if second.returncode:
        assert "lock" in second.stdout + second.stderr


def test_the_report_holds_the_pictures_and_the_scores(finished: Workflow) -> None:
    done = finished.run("--report", "report.html")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (finished.folder / "report.html").read_text()
    assert "north.fsem.png" in page
    assert "metrics.json" in page
    assert "timings.csv" in page
    # Nothing is fetched when it is opened.
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.https?:", page)


def test_one_page_shows_all_volumes(finished: Workflow) -> None:
    page = (finished.folder / "results/predictions/index.html").read_text()
    assert "average precision" in page
    assert page.count("data:image/webp;base64,") >= 9
    timings = pd.read_csv(finished.folder / "results/predictions/timings.csv")
    assert {"train_infer", "infer", "refine", "export_segy"} <= set(timings["stage"])
    assert (timings["seconds"] > 0).all()


def test_the_rule_graph_shows_the_stages(finished: Workflow) -> None:
    graph = finished.run("--rulegraph").stdout
    for rule in ("segy_to_binary", "train_infer", "infer", "refine", "export_segy", "plot"):
        assert f'label = "{rule}"' in graph


def test_a_changed_overlap_reruns_inference_and_later_stages(changed: Workflow) -> None:
    changed.configure({"prediction.overlap": 0.5})
    assert changed.jobs() == {"infer": 1, **AFTER_INFER}


def test_a_changed_precision_reruns_inference_and_later_stages(changed: Workflow) -> None:
    changed.configure({"prediction.precision": "fp32"})
    assert changed.jobs() == {"infer": 1, **AFTER_INFER}


def test_more_symmetries_rerun_inference_and_later_stages(changed: Workflow) -> None:
    changed.configure({"prediction.symmetries": 8})
    assert changed.jobs() == {"infer": 1, **AFTER_INFER}


def test_the_spread_of_copies_is_delivered_and_exported_on_demand(changed: Workflow) -> None:
    changed.configure({"prediction.symmetries": 2, "prediction.uncertainty": True})
    after = AFTER_INFER | {"join_slabs": 1, "join_slabs_with_spread": 1, "rank_lines": 1}
    assert changed.jobs() == {"infer": 1, **after, "export_segy": 9, "export_vgi": 9}


def test_another_minimum_probability_reruns_the_angles_and_later_stages(
    changed: Workflow,
) -> None:
    changed.configure({"interpretation.probability": 0.4})
    assert changed.jobs() == {"infer": 1, **AFTER_INFER}


def test_more_refinement_reruns_refinement_and_later_stages(changed: Workflow) -> None:
    changed.configure({"refinement.iterations": 2})
    # The first pass is the last one no more, and the last one is scored as it is delivered.
    again = {"refine": 1, "join_slabs": 1, "evaluate": 2}
    assert changed.jobs() == {**again, **SCORES, **AFTER_REFINE}


def test_without_refinement_the_attributes_of_inference_are_delivered(changed: Workflow) -> None:
    changed.configure({"refinement.iterations": 0})
    # What is delivered shares its files with what check_seams reads, so that comes after it.
    assert changed.jobs() == {"check_seams": 1, "evaluate": 1, **SCORES, **AFTER_REFINE}


def test_other_fault_picks_rerun_what_stands_on_them(changed: Workflow) -> None:
    changed.configure({"interpretation.minimum_area": 150})
    picked = {"export_segy": 4, "export_vgi": 4, "evaluate": 1, **SCORES, "plot": 1}
    assert changed.jobs() == {**picked, **PICKS, "render_scene": 1, **OVERVIEW}


def test_a_changed_export_reruns_exports_only(changed: Workflow) -> None:
    changed.configure({"export.segy": False})
    assert changed.jobs() == OVERVIEW
    for path in (changed.folder / "results" / "predictions" / "north").glob("*.sgy"):
        path.unlink()
    assert changed.jobs() == OVERVIEW
    changed.configure({"export.segy": True})
    assert changed.jobs() == {"export_segy": 8, **OVERVIEW}
    done = changed.run()
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_form_of_the_exported_segy_reruns_that_export_only(changed: Workflow) -> None:
    changed.configure({"export.format": "ibm", "export.degrees": True})
    assert changed.jobs() == {"export_segy": 8, **OVERVIEW}


def test_other_byte_positions_of_one_volume_rerun_that_volume(changed: Workflow) -> None:
    changed.list_volumes(
        synthetic_row("north", train="false", cdp_x="73"), synthetic_row("south", predict="false")
    )
    again = {"segy_to_binary": 1, "segy_to_binary_label": 5, "describe_samples": 1}
    expected = {**again, "infer": 1, **AFTER_INFER}
    assert changed.jobs() == expected


def test_changed_code_reruns_what_runs_it(finished: Workflow) -> None:
    module = finished.folder / "workflow_scripts" / "strataflow/figures/overview.py"
    before = module.read_bytes()
    module.write_bytes(before + b"\n# A comment.\n")
    assert finished.jobs() == {}
    module.write_bytes(before + b"\nANOTHER = 1\n")
    assert finished.jobs() == OVERVIEW
    module.write_bytes(before)
    assert finished.jobs() == {}


def test_a_deleted_prediction_alone_is_made_again(finished: Workflow) -> None:
    (finished.folder / "results" / "predictions" / "north" / "north.rgt.vgi").unlink()
    assert finished.jobs() == {"export_vgi": 1, **OVERVIEW}
    # One volume is a target of its own.
    assert finished.jobs(target="results/predictions/north") == {"export_vgi": 1}
    assert finished.jobs(target="results/predictions/north/") == {"export_vgi": 1}
    assert finished.run().returncode == 0


def test_an_added_volume_runs_that_volume_only(changed: Workflow) -> None:
    surveys = TINY["synthetic.surveys"] | {"east": {"size": [32, 32, 32], "seed": 5}}
    changed.configure({"synthetic.surveys": surveys})
    changed.list_volumes(
        synthetic_row("north", train="false"),
        synthetic_row("south", predict="false"),
        synthetic_row("east", labels=()),
    )
    again = {"synthesize_survey": 1, "segy_to_binary": 1, "describe_samples": 1}
    slabs = {"infer": 1, "refine": 1, "join_slabs": 2, "check_seams": 1}
    assert changed.jobs() == {**again, **slabs, **AFTER_REFINE}
    done = changed.run()
    assert done.returncode == 0, done.stdout + done.stderr
    folder = changed.folder / "results" / "predictions" / "east"
    assert (folder / "east.fsem.sgy").is_file()
    assert not (folder / "metrics.json").exists()


# From here on the tests leave other slabs or weights behind. The test before has added a volume to
# compare samples with, which is gone again.
def jobs_but_the_comparison(flow: Workflow) -> dict[str, int]:
    jobs = flow.jobs()
    jobs.pop("describe_samples", None)
    return jobs


def test_more_slabs_rerun_prediction_and_give_the_same_bytes(changed: Workflow) -> None:
    folder = changed.folder / "results" / "predictions" / "north"
    before = {name: (folder / f"north.{name}").read_bytes() for name in ATTRIBUTES}
    # Two rows of tiles: the third slab has nothing to do.
    changed.configure({"prediction.slabs": 3})
    assert jobs_but_the_comparison(changed) == {**AFTER_INFER, "infer": 3, "refine": 3}
    # As if the run had been killed after the first slab.
    done = changed.run("--notemp", "--until", "results/infer/north/0-of-3/north.slab.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert jobs_but_the_comparison(changed) == {**AFTER_INFER, "infer": 2, "refine": 3}
    done = changed.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert before == {name: (folder / f"north.{name}").read_bytes() for name in ATTRIBUTES}
    changed.list_volumes(
        synthetic_row("north", train="false", slabs="2"), synthetic_row("south", predict="false")
    )
    assert jobs_but_the_comparison(changed) == {**AFTER_INFER, "infer": 2, "refine": 2}


def test_initial_weights_can_be_a_part_of_those_that_predict(changed: Workflow) -> None:
    shutil.copytree(changed.folder / "results" / "extract_weights", changed.folder / "initial")
    settings = {"training.init_weights": "initial"}
    changed.configure(settings)
    assert "--share" not in changed.run("-n", "-p").stdout
    changed.configure(settings | {"training.trained_share": 0.25})
    listed = changed.run("-n", "-p").stdout
    assert "--initial initial/infer.pth --share 0.25" in listed
    assert "--initial initial/refine.pth --share 0.25" in listed


def test_more_epochs_go_on_from_the_last_checkpoint(finished: Workflow) -> None:
    results = finished.folder / "results"
    first = torch.load(results / "train_infer" / "final.ckpt", weights_only=True)
    finished.configure({"training.epochs": 2})
    assert jobs_but_the_comparison(finished) == {
        "train_infer": 1,
        "train_refine": 1,
        "extract_weights": 2,
        "predict_samples": 4,
        "infer": 1,
        **AFTER_INFER,
    }
    done = finished.run()
    assert done.returncode == 0, done.stdout + done.stderr
    for stage in ("train_infer", "train_refine"):
        assert "resuming from" in (results / stage / f"{stage}.log").read_text()
    second = torch.load(results / "train_infer" / "final.ckpt", weights_only=True)
    assert (first["epoch"], second["epoch"]) == (0, 1)
    assert second["global_step"] == 2 * first["global_step"]
    assert list(pd.read_csv(results / "train_infer" / "metrics.csv")["epoch"]) == [0, 1]


def test_another_network_starts_afresh_says_so_and_keeps_the_training_before(
    finished: Workflow,
) -> None:
    finished.configure({"model.tasks.rgt": False, "training.epochs": 1})
    folder = finished.folder / "results" / "train_infer"
    before = (folder / "run").resolve()
    done = finished.run()
    assert done.returncode == 0, done.stdout + done.stderr
    notice = "tasks ['dhr', 'rgt', 'fault'] -> ['dhr', 'fault']: starting afresh"
    assert notice in (folder / "train_infer.log").read_text()
    # On the screen, too.
    assert notice in done.stderr
    assert before.is_dir()
    assert (folder / "run").resolve() != before
    assert list(before.glob("epoch=*.ckpt"))
    folder = finished.folder / "results" / "predictions" / "north"
    stored = torch.load(finished.folder / "results/extract_weights/infer.pth", weights_only=True)
    assert stored["hyper_parameters"]["architecture"]["tasks"] == ["dhr", "fault"]
    assert (folder / "north.fsem.sgy").is_file()


@pytest.mark.parametrize(("words", "side_by_side"), [((), False), (("--resources", "gpu=2"), True)])
def test_a_workstation_shares_out_its_graphics_cards(
    tiny: Callable[..., Workflow], words: tuple[str, ...], side_by_side: bool
) -> None:
    flow = tiny(PREDICTING)
    done = flow.run("--cores", "16", *words, target="results/infer/south/south.fsem")
    assert done.returncode == 0, done.stdout + done.stderr
    events = re.findall(r"^(?:local)?rule (infer):|\(Rule: (infer)\)", done.stderr, re.MULTILINE)
    starts = ["start" if started else "end" for started, _ in events]
    assert starts == (["start"] * 2 + ["end"] * 2 if side_by_side else ["start", "end"] * 2)
