"""The configuration, the sample sheet, and what several rules ask of them."""

import json
import shlex
import sys
from pathlib import Path

# Where the workflow lies: here or, as a module of another one, elsewhere.
HOME = Path(workflow.current_basedir).parent
HOME = HOME.relative_to(Path.cwd()) if HOME.is_relative_to(Path.cwd()) else HOME
SCRIPTS = HOME / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from strataflow.code import code_checksum, with_imports
from strataflow.volume.attributes import (
    ATTRIBUTES,
    PICKED,
    SPREAD,
    TASKS as ALL_TASKS,
    attributes_of,
)
from strataflow.errors import StrataflowError
from strataflow.interpretation.horizons import horizon_names
from strataflow.samples.files import SPLITS
from strataflow.workflow.configuration import (
    averaging_of,
    read_sheet,
    require_configuration,
    tasks_of,
)


def in_one_line(check, given):
    """What `check(given)` returns; an error ends the run with one line, not Snakemake's stack."""
    try:
        return check(given)
    except StrataflowError as error:
        sys.exit(str(error))


def labels(volume):
    """Attributes that the sheet gives labels of."""
    return [name for name in ATTRIBUTES if name in VOLUMES[volume]]


def is_training(volume):
    """Whether a volume joins training: it has labels of all that is predicted, and may."""
    return set(PREDICTED) <= set(labels(volume)) and VOLUMES[volume].get("train") != "false"


def is_evaluated(volume):
    """Whether a volume has labels to score predictions with."""
    return bool(set(PREDICTED) & set(labels(volume)))


in_one_line(require_configuration, config)
TASKS = tasks_of(config)
PREDICTED = attributes_of(TASKS)
AVERAGING = averaging_of(config)
# What inference gives and what is delivered: the spread of copies too, where it is wanted.
INFERRED = (*PREDICTED, *([SPREAD] if AVERAGING.uncertainty else []))
# Volumes of picked faults.
FAULT_VOLUMES = PICKED if config["export"]["faults"] and "fsem" in PREDICTED else ()
VOLUMES = in_one_line(read_sheet, config["volumes"])
TRAINING_VOLUMES = [volume for volume in VOLUMES if is_training(volume)]
HORIZONS = horizon_names(config["export"]["horizons"])
PREDICTED_VOLUMES = [v for v, row in VOLUMES.items() if row.get("predict") != "false"]


wildcard_constraints:
    volume="|".join(VOLUMES),
    survey="|".join(config["synthetic"]["surveys"]) or "none",
    attribute="|".join((*ATTRIBUTES, SPREAD, *PICKED)),
    network="infer|refine",
    split="|".join(SPLITS),
    slab=r"\d+",
    slabs=r"\d+",
    iteration=r"[1-9]\d*",
    passed=r"infer/[^/]+|refine/[^/]+/\d+",
    samples="|".join(["synthesize", *(f"make_patches/{v}" for v in TRAINING_VOLUMES)]),


def program(name):
    """The script of that name and a checksum of its code and what it imports, as params."""
    script = SCRIPTS / f"{name}.py"
    return {"script": str(script), "code": code_checksum(with_imports(script))}


def flags(**settings):
    """Command-line flags as one text, which is compared as a whole when reruns are decided.

    A list gives a flag several values, an empty one leaves it out. Each is one word to the shell.
    """
    words = []
    for name, value in settings.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        words += [f"--{name}", *(shlex.quote(str(v)) for v in values)] if values else []
    return " ".join(words)


def task_flags():
    """--rgt --dhr --fault as the configuration says."""
    return dict(sorted(config["model"]["tasks"].items()))


def shape_flags(sides):
    """--n1 --n2 --n3."""
    return dict(zip(("n1", "n2", "n3"), sides))


def prefix_of_binary(volume):
    """PREFIX of the raw volumes of an image and its labels."""
    return f"results/segy_to_binary/{volume}/{volume}"


def weights(network):
    """Weights of a network that prediction uses: trained here, or those to start from as they are."""
    if config["training"]["epochs"]:
        return f"results/extract_weights/{network}.pth"
    return f"{config['training']['init_weights']}/{network}.pth"


def tiling_flags():
    """How volumes are cut for prediction."""
    chosen = config["prediction"]
    return {name: chosen[name] for name in ("tile", "overlap", "precision")}


def averaging_flags():
    """Which copies inference averages, scales as words for the shell."""
    scales = [f"{scale.vertical},{scale.lateral}" for scale in AVERAGING.scales]
    return {"symmetries": AVERAGING.symmetries, "scales": scales}


def probability_flag():
    """--probability from which on there is a fault."""
    return {"probability": config["interpretation"]["probability"]}


def with_sidecars(prefix, attributes):
    """Raw volumes PREFIX.<attribute> and their sidecars."""
    return [f"{prefix}.{name}{suffix}" for name in attributes for suffix in ("", ".json")]


def prefix_of(wildcards, input):
    """PREFIX of the attributes that a rule reads."""
    return str(Path(input.attributes[0]).with_suffix(""))


def folder_of(wildcards, output):
    """The folder that a rule's outputs lie in."""
    return str(Path(output[0]).parent)


def raw_labels(wildcards):
    """Raw volumes, and their sidecars, of the labels that predictions are compared with."""
    volume = wildcards.volume
    return with_sidecars(prefix_of_binary(volume), [a for a in PREDICTED if a in labels(volume)])


def target_flag(wildcards):
    """--target for a volume with labels."""
    volume = wildcards.volume
    return flags(target=prefix_of_binary(volume)) if is_evaluated(volume) else ""
