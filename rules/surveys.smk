"""The surveys of the sample sheet: checks before anything runs, and what each of them is for."""

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Volumes of a synthetic survey: image, labels, and its faults one by one.
SURVEY_FILES = ("image", *ATTRIBUTES, *TRUTH)


def require_input_files():
    """Stop with one line for the first SEG-Y that is not there and that no rule makes."""
    for name, row in VOLUMES.items():
        for column in ("segy", *ATTRIBUTES, *TRUTH):
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


def teachable(volume):
    """Attributes that a volume can teach: those of the tasks whose labels are all there."""
    given = set(labels(volume))
    return attributes_of(tuple(task for task, names in ALL_TASKS.items() if given >= set(names)))


require_input_files()
require_something_to_learn()
