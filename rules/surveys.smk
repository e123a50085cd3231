"""Surveys of the sample sheet: checks before any job runs, and their use for training."""

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from strataflow.cli.arguments import header_position
from strataflow.formats.opening import Reading, has_segy_headers, is_line
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import HeaderBytes

# Volumes of a synthetic survey: image, labels, and its faults one by one.
SURVEY_FILES = ("image", *ATTRIBUTES, *TRUTH)


def require_input_files():
    """Exit with one line for the first survey that does not exist and that no rule writes."""
    for name, row in VOLUMES.items():
        for column in ("survey", *ATTRIBUTES, *TRUTH):
            path = row.get(column)
            place = f"{config['volumes']}: volume {name!r}: {column}: {path}"
            if path and is_remote(path):
                try:
                    located(path)
                except WorkflowError as error:
                    sys.exit(f"{place}: {' '.join(str(error).split())}")
            elif path and not Path(path).exists() and not is_synthetic(path):
                sys.exit(f"{place}: no such file")


def is_remote(path):
    """Whether `path` is a URL (https://..., s3://...) instead of a local file."""
    return "://" in path


def located(path):
    """A survey as a rule input. A storage plugin downloads a remote file once and keeps it."""
    return storage(path, keep_local=True) if is_remote(path) else path


def is_synthetic(path):
    """Whether the rule synthesize_survey writes the SEG-Y `path`."""
    return any(
        path == f"results/synthesize_survey/{survey}/{name}.sgy"
        for survey in config["synthetic"]["surveys"]
        for name in SURVEY_FILES
    )


def require_training_samples():
    """Exit with one line if training is configured but has no training or validation samples."""
    training, synthetic = config["training"], config["synthetic"]
    if not training["epochs"]:
        return
    taught = {task for volume in TRAINING_VOLUMES for task in taught_tasks(volume)}
    missing = " ".join(task for task in TASKS if task not in taught)
    if not synthetic["train"] and missing:
        sys.exit(
            f"config: synthetic.train: 0, but no volume has labels for the tasks {missing} of"
            " model.tasks; raise synthetic.train, add labels, or switch these tasks off"
        )
    if not synthetic["valid"] and not (TRAINING_VOLUMES and config["patches"]["valid_share"]):
        sys.exit(
            "config: synthetic.valid: 0, but patches.valid_share gives no validation samples; raise"
            " one of them"
        )
    for volume in TRAINING_SURVEYS:
        others = " ".join(task for task in TASKS if task not in taught_tasks(volume))
        logger.info(
            f"{config['volumes']}: volume {volume!r}: used for training of"
            f" {' '.join(taught_tasks(volume))}{f', not of {others}' if others else ''}"
        )
        if set(TRUTH) & set(VOLUMES[volume]) and is_labelled_in_part(volume):
            logger.info(
                f"{config['volumes']}: volume {volume!r}: {' '.join(TRUTH)} are not scored, because"
                " the volume is labelled in part"
            )


def trainable_attributes(volume):
    """Attributes of the tasks for which a volume has all labels."""
    given = set(labels(volume))
    return attributes_of(tuple(task for task, names in ALL_TASKS.items() if given >= set(names)))


def survey_of(wildcards):
    """Survey of the image or, if the rule has the wildcard `attribute`, of a label."""
    return located(VOLUMES[wildcards.volume][wildcards.get("attribute", "survey")])


def byte_positions(volume):
    """Byte positions of line numbers and coordinates, from the sample sheet or the configuration."""
    row = VOLUMES[volume]
    return {n: row.get(n, config["segy"][n]) for n in ("iline", "xline", "cdp_x", "cdp_y")}


def reading_flags(wildcards):
    """How to read a survey: byte positions, size, sample interval, the attribute and the domain."""
    row, positions = VOLUMES[wildcards.volume], byte_positions(wildcards.volume)
    given = {n: row[n] for n in ("n1", "n2", "n3", "interval") if n in row}
    attribute = wildcards.get("attribute", "image")
    return flags(attribute=attribute, domain=config["segy"]["domain"], **positions, **given)


def segy_template(wildcards):
    """SEG-Y that provides the headers of the exported predictions; none for other formats."""
    row = VOLUMES[wildcards.volume]
    return located(row["survey"]) if has_segy_headers(row["survey"], "n1" in row) else []


def template_flag(wildcards, input):
    """--template, if the survey is SEG-Y."""
    return flags(template=input.template) if input.template else ""


def export_segy_flags():
    """--format and, if configured, --degrees."""
    degrees = " --degrees" if config["export"]["degrees"] else ""
    return flags(format=config["export"]["format"]) + degrees


def survey_ending(volume):
    """Ending of the files of a survey that came as MDIO or OpenVDS, in a list; [] for others."""
    endings = {".mdio": ".mdio", ".zarr": ".mdio", ".vds": ".vds"}
    ending = Path(VOLUMES[volume].get("survey", "")).suffix.lower()
    return [endings[ending]] if ending in endings else []


def is_2d_line(volume):
    """Whether the survey of a volume is a 2D line, which has no strike."""
    row, positions = VOLUMES[volume], byte_positions(volume)
    where = HeaderBytes(**{n: header_position(str(byte)) for n, byte in positions.items()})
    sides = [int(row[n]) for n in ("n1", "n2", "n3") if n in row]
    shape = Shape(*sides) if len(sides) == 3 else None
    return is_line(Path(row.get("survey", "")), Reading(where, config["segy"]["domain"], shape))


# Volumes of 2D lines.
LINES = [volume for volume in PREDICTED_VOLUMES if is_2d_line(volume)]


def without_strike(names):
    """Those of `names` that a 2D line has."""
    return [name for name in names if name != "fstrike"]


def delivered_attributes(volume):
    """Names of the attributes in the results of a volume. A 2D line has no strike."""
    return without_strike(DELIVERED) if volume in LINES else list(DELIVERED)


def survey_flags(wildcards):
    """Seed, shape and scenario of a synthetic survey."""
    survey = config["synthetic"]["surveys"][wildcards.survey]
    return flags(seed=survey["seed"], **shape_flags(survey["size"]), **survey["scenario"])


def training_labels(wildcards):
    """Raw label volumes for patches, and their sidecars. They do not depend on `model.tasks`."""
    return with_sidecars(prefix_of_binary(wildcards.volume), trainable_attributes(wildcards.volume))


def label_flags(wildcards):
    """--rgt --dhr --fsem --fdip --fstrike for the labels of a volume."""
    volume = wildcards.volume
    names = trainable_attributes(volume)
    return flags(**{name: f"{prefix_of_binary(volume)}.{name}" for name in names})


def fault_surfaces(wildcards):
    """Surfaces and throws of picked faults, if faults are picked."""
    prefix = f"results/predictions/{wildcards.volume}/{wildcards.volume}"
    names = ("faults.vtp", "fault_throws.csv") if FAULT_VOLUMES else ()
    return [f"{prefix}.{name}" for name in names]


def shown_in_3d(wildcards):
    """Surfaces of picked faults and the table of horizons, if they are delivered."""
    suffixes = (".faults.vtp", ".horizons.csv")
    return [path for path in delivered_of(wildcards.volume) if path.endswith(suffixes)]


require_input_files()
