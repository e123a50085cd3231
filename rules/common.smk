"""Configuration, sample sheet and helpers that several rules share."""

import json
import shlex
import sys
from pathlib import Path

# Folder of the workflow, which differs from the working directory if another workflow imports it.
HOME = Path(workflow.current_basedir).parent
HOME = HOME.relative_to(Path.cwd()) if HOME.is_relative_to(Path.cwd()) else HOME
SCRIPTS = HOME / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from strataflow.code import code_checksum, with_imports
from strataflow.volume.attributes import (
    ATTRIBUTES,
    CONFIDENCE,
    DELIVERABLE,
    FAULT_ID,
    FLAT,
    PICKED,
    SPREAD,
    TRUTH,
    TASKS as ALL_TASKS,
    attributes_of,
)
from strataflow.errors import StrataflowError
from strataflow.samples.files import SPLITS
from strataflow.workflow.configuration import averaging_of, require_configuration, tasks_of
from strataflow.workflow.sheet import read_sheet


def exit_on_error(check, value):
    """Return `check(value)`, or exit with the error in one line instead of a stack trace."""
    try:
        return check(value)
    except StrataflowError as error:
        sys.exit(str(error))


def labels(volume):
    """Attributes for which the sample sheet has labels."""
    return [name for name in ATTRIBUTES if name in VOLUMES[volume]]


def labelled_tasks(volume):
    """Tasks for which a volume has labels, of those that are switched on."""
    given = {*labels(volume), *(["fsem"] if "fault_sticks" in VOLUMES[volume] else [])}
    return [task for task in TASKS if ALL_TASKS[task][0] in given]


def is_controlled(volume):
    """Whether the sample sheet has horizons or control points for a volume."""
    return bool({"horizons", "control_points"} & set(VOLUMES[volume]))


def taught_tasks(volume):
    """Tasks that a volume can teach: those with labels, and RGT if it has horizons."""
    controlled = is_controlled(volume)
    return [t for t in TASKS if t in labelled_tasks(volume) or t == "rgt" and controlled]


def is_labelled_in_part(volume):
    """Whether a volume has labels of some tasks or lines alone, or faults without orientation."""
    in_part = {"fault_sticks", "labelled", "held_out", "unknown"} & set(VOLUMES[volume])
    given = set(labels(volume))
    return bool(in_part) or bool(given) and not set(PREDICTED) <= given


def is_training(volume):
    """Whether a volume is used for training: it has labels, and `train` is not false."""
    return bool(taught_tasks(volume)) and VOLUMES[volume].get("train") != "false"


def is_evaluated(volume):
    """Whether a volume has labels to evaluate predictions with."""
    return bool(labelled_tasks(volume))


exit_on_error(require_configuration, config)
TASKS = tasks_of(config)
PREDICTED = attributes_of(TASKS)
AVERAGING = averaging_of(config)
# Attributes that inference writes and that are delivered, including the optional spread.
INFERRED = (*PREDICTED, *([SPREAD] if AVERAGING.uncertainty else []))
# Those that are delivered as they are predicted; RGT is fitted to the survey first.
AS_PREDICTED = [name for name in INFERRED if name != "rgt"]
# What the stage fit_rgt writes.
FITTED = ("rgt", *([CONFIDENCE] if config["prediction"]["confidence"] else []))
# Everything that is predicted and delivered.
DELIVERED = (*INFERRED, *FITTED[1:])
# Volumes of picked faults.
FAULT_VOLUMES = PICKED if config["export"]["faults"] and "fsem" in PREDICTED else ()
VOLUMES = exit_on_error(read_sheet, config["volumes"])
TRAINING_VOLUMES = [volume for volume in VOLUMES if is_training(volume)]
# Surveys that training reads directly. Those with all labels everywhere are cut into patches.
TRAINING_SURVEYS = [
    volume
    for volume in TRAINING_VOLUMES
    if is_labelled_in_part(volume)
    or not labelled_tasks(volume)
    or config["training"]["label_share"]
]
PATCHED_VOLUMES = [volume for volume in TRAINING_VOLUMES if volume not in TRAINING_SURVEYS]
# Flattened volumes: over geologic time, and on the horizon of that number.
FLAT_PATTERN = rf"{FLAT}|{FLAT}_\d\d"
PREDICTED_VOLUMES = [v for v, row in VOLUMES.items() if row.get("predict") != "false"]


wildcard_constraints:
    volume="|".join(VOLUMES),
    survey="|".join(config["synthetic"]["surveys"]) or "none",
    attribute="|".join((*DELIVERABLE, FLAT_PATTERN)),
    network="infer|refine",
    split="|".join(SPLITS),
    slab=r"\d+",
    slabs=r"\d+",
    iteration=r"[1-9]\d*",
    passed=r"infer/[^/]+|refine/[^/]+/\d+|predictions/[^/]+",
    samples="|".join(["synthesize", *(f"make_patches/{v}" for v in PATCHED_VOLUMES)]),


def program(name):
    """Params of a script: its path, and a checksum of its code and of the modules it imports."""
    script = SCRIPTS / f"{name}.py"
    return {"script": str(script), "code": code_checksum(with_imports(script))}


def flags(**settings):
    """Command-line flags as one string. Snakemake reruns a job if the string changes.

    A list becomes several values of a flag, and an empty list omits the flag. Each value is quoted
    for the shell. A value with a minus in front is joined to its flag, because argparse takes -1e30
    for a flag.
    """
    words = []
    for name, value in settings.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        quoted = [shlex.quote(str(v)) for v in values]
        if len(quoted) == 1 and quoted[0].startswith("-"):
            words.append(f"--{name}={quoted[0]}")
        elif quoted:
            words += [f"--{name}", *quoted]
    return " ".join(words)


def task_flags():
    """--rgt --dhr --fault from the configuration."""
    return dict(sorted(config["model"]["tasks"].items()))


def shape_flags(sides):
    """--n1 --n2 --n3."""
    return dict(zip(("n1", "n2", "n3"), sides))


def prefix_of_binary(volume):
    """PREFIX of the raw image of a volume and of its labels."""
    return f"results/segy_to_binary/{volume}/{volume}"


def weights(network):
    """Weights for prediction: trained ones, or the initial weights if there is no training."""
    if config["training"]["epochs"]:
        return f"results/extract_weights/{network}.pth"
    return f"{config['training']['init_weights']}/{network}.pth"


def tiling_flags():
    """--tile --overlap --precision."""
    chosen = config["prediction"]
    return {name: chosen[name] for name in ("tile", "overlap", "precision")}


def averaging_flags():
    """--symmetries --scales."""
    scales = [f"{scale.vertical},{scale.lateral}" for scale in AVERAGING.scales]
    return {"symmetries": AVERAGING.symmetries, "scales": scales}


def probability_flag():
    """--probability: minimum probability of a fault voxel."""
    return {"probability": config["interpretation"]["probability"]}


def velocity_flag():
    """--velocity, if the configuration has one: m/s that turn two-way time into depth."""
    velocity = config["segy"]["velocity"]
    return {"velocity": [velocity] if velocity else []}


def with_sidecars(prefix, attributes):
    """Raw volumes PREFIX.<attribute> and their sidecars."""
    return [f"{prefix}.{name}{suffix}" for name in attributes for suffix in ("", ".json")]


def prefix_of(wildcards, input):
    """PREFIX of the input attributes of a rule."""
    return str(Path(input.attributes[0]).with_suffix(""))


def prefix_of_output(wildcards, output):
    """PREFIX of the output attributes of a rule."""
    return str(Path(output[0]).with_suffix(""))


def folder_of(wildcards, output):
    """Folder of the outputs of a rule."""
    return str(Path(output[0]).parent)


def prefix_of_labels(volume):
    """PREFIX of the labels of a volume: as converted, or as the rule labels makes them."""
    if is_labelled_in_part(volume):
        return f"results/labels/{volume}/{volume}"
    return prefix_of_binary(volume)


def label_names(volume):
    """Label volumes of a volume, of the tasks that are switched on."""
    if is_labelled_in_part(volume):
        return list(attributes_of(tuple(labelled_tasks(volume))))
    return [name for name in PREDICTED if name in labels(volume)]


def raw_labels(wildcards):
    """Raw label volumes that predictions are evaluated with, and their sidecars."""
    volume = wildcards.volume
    return with_sidecars(prefix_of_labels(volume), label_names(volume))


def target_flag(wildcards):
    """--target, if the volume has labels."""
    volume = wildcards.volume
    return flags(target=prefix_of_labels(volume)) if is_evaluated(volume) else ""
