"""The configuration, the sheet of volumes, and what rules ask of them."""

import json
import shlex
import sys
from math import prod
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Where the workflow lies: here or, as a module of another one, elsewhere.
HOME = Path(workflow.current_basedir).parent
HOME = HOME.relative_to(Path.cwd()) if HOME.is_relative_to(Path.cwd()) else HOME
SCRIPTS = HOME / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from strataflow.code import code_checksum, with_imports
from strataflow.volume.attributes import ATTRIBUTES, SPREAD, TASKS as ALL_TASKS, attributes_of
from strataflow.errors import StrataflowError
from strataflow.interpretation.horizons import horizon_names
from strataflow.samples.files import SPLITS
from strataflow.workflow.configuration import (
    averaging_of,
    read_sheet,
    require_configuration,
    tasks_of,
)

SURVEY_FILES = ("image", *ATTRIBUTES)
DESCRIPTION = ("statistics.csv", "statistics.png", "sheet.png", "comparison.csv", "comparison.png")


def in_one_line(check, given):
    """What `check(given)` returns; an error ends the run with one line, not Snakemake's stack."""
    try:
        return check(given)
    except StrataflowError as error:
        sys.exit(str(error))


def require_input_files():
    """Stop with one line for the first SEG-Y that is not there and that no rule makes."""
    for name, row in VOLUMES.items():
        for column in ("segy", *ATTRIBUTES):
            path = row.get(column)
            place = f"{config['volumes']}: volume {name!r}: {column}: {path}"
            if path and is_remote(path):
                try:
                    located(path)
                except WorkflowError as error:
                    sys.exit(f"{place}: {' '.join(str(error).split())}")
            elif path and not Path(path).is_file() and not is_synthetic(path):
                sys.exit(f"{place}: no such file")


def is_remote(path):
    """Whether `path` is an address, as https://... or s3://..., and no file of this machine."""
    return "://" in path


def located(path):
    """A SEG-Y as an input: where it is remote, a storage plug-in fetches it once and keeps it."""
    return storage(path, keep_local=True) if is_remote(path) else path


def is_synthetic(path):
    """Whether `path` is a SEG-Y that rule synthesize_survey writes."""
    return any(
        path == f"results/synthesize_survey/{survey}/{name}.sgy"
        for survey in config["synthetic"]["surveys"]
        for name in SURVEY_FILES
    )


def require_something_to_learn():
    """Stop with one line when training is asked for that has no samples or no weights."""
    training, synthetic = config["training"], config["synthetic"]
    if not training["epochs"]:
        return
    if not synthetic["train"] and not TRAINING_VOLUMES:
        sys.exit("config: synthetic.train: 0, and no volume has labels of all of model.tasks")
    if not synthetic["valid"] and not (TRAINING_VOLUMES and config["patches"]["valid_share"]):
        sys.exit("config: synthetic.valid: 0, and patches.valid_share leaves none for validation")
    for volume, row in VOLUMES.items():
        missing = " ".join(name for name in PREDICTED if name not in row)
        if labels(volume) and missing and row.get("train") != "false":
            logger.info(f"{config['volumes']}: volume {volume!r}: no training without {missing}")


def labels(volume):
    """Attributes that the sheet gives labels of."""
    return [name for name in ATTRIBUTES if name in VOLUMES[volume]]


def teachable(volume):
    """Attributes that a volume can teach: those of the tasks whose labels are all there."""
    given = set(labels(volume))
    return attributes_of(tuple(task for task, names in ALL_TASKS.items() if given >= set(names)))


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
VOLUMES = in_one_line(read_sheet, config["volumes"])
TRAINING_VOLUMES = [volume for volume in VOLUMES if is_training(volume)]
HORIZONS = horizon_names(config["export"]["horizons"])
PREDICTED_VOLUMES = [v for v, row in VOLUMES.items() if row.get("predict") != "false"]
require_input_files()
require_something_to_learn()


wildcard_constraints:
    volume="|".join(VOLUMES),
    survey="|".join(config["synthetic"]["surveys"]) or "none",
    attribute="|".join((*ATTRIBUTES, SPREAD)),
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


def initial_weights(network):
    """Weights that training starts from, if it does not start at random."""
    folder = config["training"]["init_weights"]
    return [f"{folder}/{network}.pth"] if folder else []


def manifests(split):
    """Tables of the samples of a split: synthetic ones and those of each labelled volume."""
    folders = ["results/synthesize"]
    folders += [f"results/make_patches/{volume}" for volume in TRAINING_VOLUMES]
    return [f"{folder}/manifest_{split}.csv" for folder in folders]


def sample_folders(what):
    """Folders of samples: `what` is data_train, target_train, data_valid or target_valid."""
    split = what.split("_")[1]
    return [str(Path(manifest).with_name(what)) for manifest in manifests(split)]


def predicted_folders(what):
    """Folders of what the inference network makes of the samples in those of `sample_folders`."""
    folders = sample_folders(what)
    return [folder.replace("results/", "results/predict_samples/", 1) for folder in folders]


def training_flags(epochs=None):
    """What both networks are trained with; `epochs` where they are not those of the configuration."""
    training = config["training"]
    return flags(
        epochs=epochs or training["epochs"],
        batch_train=training["batch_size"],
        batch_valid=training["batch_size"],
        lr=training["learning_rate"],
        seed=training["seed"],
        crop=training["crop"],
        preset=config["model"]["preset"],
        patience=training["patience"] or [],
        gpus_per_node=training["gpus_per_node"],
        nodes=training["nodes"],
        **shape_flags(config["patches"]["size"]),
        **task_flags(),
    )


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


def passes_over(volume):
    """Folders under results/ of the passes over a volume: inference, then each refinement."""
    iterations = range(1, config["refinement"]["iterations"] + 1)
    return [f"infer/{volume}", *(f"refine/{volume}/{iteration}" for iteration in iterations)]


def scores_of_passes(wildcards):
    """Scores of a volume after each pass."""
    volume = wildcards.volume
    return [f"results/evaluate/{passed}/{volume}.json" for passed in passes_over(volume)]


def scores_of_last_pass(wildcards):
    """Those after the last one."""
    return scores_of_passes(wildcards)[-1]


def attributes_after(volume, iterations):
    """The attributes of a volume and their sidecars after so many iterations of refinement."""
    folder = f"refine/{volume}/{iterations}" if iterations else f"infer/{volume}"
    return with_sidecars(f"results/{folder}/{volume}", PREDICTED)


def attributes_to_deliver(volume):
    """Those after the last iteration, and the spread that only inference gives."""
    spread = [name for name in INFERRED if name not in PREDICTED]
    return [
        *attributes_after(volume, config["refinement"]["iterations"]),
        *with_sidecars(f"results/infer/{volume}/{volume}", spread),
    ]


def with_sidecars(prefix, attributes):
    """Raw volumes PREFIX.<attribute> and their sidecars."""
    return [f"{prefix}.{name}{suffix}" for name in attributes for suffix in ("", ".json")]


def attributes_before(wildcards):
    """What an iteration of refinement reads."""
    return attributes_after(wildcards.volume, int(wildcards.iteration) - 1)


def prefixes_of_slabs(wildcards):
    """PREFIX of each of the slabs that a volume is cut into."""
    count = int(VOLUMES[wildcards.volume].get("slabs", config["prediction"]["slabs"]))
    folder = f"results/{wildcards.passed}"
    return [f"{folder}/{slab}-of-{count}/{wildcards.volume}" for slab in range(count)]


def slabs_of_pass(wildcards):
    """The files of those slabs."""
    given = INFERRED if wildcards.passed.startswith("infer/") else PREDICTED
    names = [*given, "slab.json"]
    return [f"{prefix}.{name}" for prefix in prefixes_of_slabs(wildcards) for name in names]


def prefix_of(wildcards, input):
    """PREFIX of the attributes that a rule reads."""
    return str(Path(input.attributes[0]).with_suffix(""))


def folder_of(wildcards, output):
    """The folder that a rule's outputs lie in."""
    return str(Path(output[0]).parent)


def survey_flags(wildcards):
    """Size, seed and scenario of a synthetic survey."""
    survey = config["synthetic"]["surveys"][wildcards.survey]
    return flags(seed=survey["seed"], **shape_flags(survey["size"]), **survey["scenario"])


def segy_of(wildcards):
    """SEG-Y of the image or, where the rule has that wildcard, of a label."""
    return located(VOLUMES[wildcards.volume][wildcards.get("attribute", "segy")])


def segy_of_image(wildcards):
    """SEG-Y whose headers the exported predictions get."""
    return located(VOLUMES[wildcards.volume]["segy"])


def segy_flags(wildcards):
    """Byte positions of a volume, from its row or the configuration, and what it holds."""
    row = VOLUMES[wildcards.volume]
    positions = {n: row.get(n, config["segy"][n]) for n in ("iline", "xline", "cdp_x", "cdp_y")}
    return flags(
        attribute=wildcards.get("attribute", "image"), domain=config["segy"]["domain"], **positions
    )


def export_segy_flags():
    """Form of the samples in exported SEG-Y."""
    degrees = " --degrees" if config["export"]["degrees"] else ""
    return flags(format=config["export"]["format"]) + degrees


def raw_labels(wildcards):
    """Raw volumes, and their sidecars, of the labels that predictions are compared with."""
    volume = wildcards.volume
    return with_sidecars(prefix_of_binary(volume), [a for a in PREDICTED if a in labels(volume)])


def taught_labels(wildcards):
    """The same of the labels that patches hold, whatever is predicted at the moment."""
    return with_sidecars(prefix_of_binary(wildcards.volume), teachable(wildcards.volume))


def label_flags(wildcards):
    """--rgt and so on for the labels that patches hold."""
    volume = wildcards.volume
    return flags(**{name: f"{prefix_of_binary(volume)}.{name}" for name in teachable(volume)})


def target_flag(wildcards):
    """--target for a volume with labels."""
    volume = wildcards.volume
    return flags(target=prefix_of_binary(volume)) if is_evaluated(volume) else ""


def descriptions():
    """Description of the synthetic samples, where there is training on them."""
    if not config["training"]["epochs"] or not config["synthetic"]["train"]:
        return []
    return [f"results/describe_samples/{name}" for name in DESCRIPTION]


def picks(volume):
    """Faults and horizons of a volume, as far as they are predicted and wanted."""
    names = []
    if config["export"]["faults"] and "fsem" in PREDICTED:
        names += ["faults.csv", "fault_points.csv", "fault_sticks.txt"]
    if config["export"]["horizons"] and "rgt" in PREDICTED:
        names += ["horizons.csv", *(f"{name}.irap" for name in HORIZONS)]
    return [f"results/predictions/{volume}/{volume}.{name}" for name in names]


def pictures():
    """Names of the pictures of a volume's attributes."""
    more = {"dhr": "spectrum", "fstrike": "rose"}
    return [*INFERRED, *(picture for name, picture in more.items() if name in PREDICTED)]


def delivered():
    """All that is delivered of the volumes under results/predictions/."""
    suffixes = ["", ".json"]
    suffixes += [".sgy"] * config["export"]["segy"]
    suffixes += [".vgi", ".mhd"] * config["export"]["vgi"]
    files = []
    for volume in PREDICTED_VOLUMES:
        prefix = f"results/predictions/{volume}/{volume}"
        files += [f"{prefix}.{name}{suffix}" for name in INFERRED for suffix in suffixes]
        files += [f"{prefix}.{name}.png" for name in pictures()]
        files += picks(volume)
        files += [f"results/predictions/{volume}/seams.{kind}" for kind in ("csv", "png")]
        if is_evaluated(volume):
            files += [f"results/predictions/{volume}/{n}" for n in ("metrics.json", "passes.csv")]
    return files


def predictions():
    """All that a run is asked for."""
    return [
        *descriptions(),
        *delivered(),
        "results/predictions/index.html",
        "results/predictions/timings.csv",
    ]
