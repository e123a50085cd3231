"""Surveys of the sample sheet: checks before any job runs, and their use for training."""

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Volumes of a synthetic survey: image, labels, and its faults one by one.
SURVEY_FILES = ("image", *ATTRIBUTES, *TRUTH)


def require_input_files():
    """Exit with one line for the first SEG-Y that does not exist and that no rule writes."""
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
    """Whether `path` is a URL (https://..., s3://...) instead of a local file."""
    return "://" in path


def located(path):
    """A SEG-Y as a rule input. A storage plugin downloads a remote file once and keeps it."""
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
    if not synthetic["train"] and not TRAINING_VOLUMES:
        sys.exit(
            "config: synthetic.train: 0, but no volume has labels for all of model.tasks; raise"
            " synthetic.train or add labels"
        )
    if not synthetic["valid"] and not (TRAINING_VOLUMES and config["patches"]["valid_share"]):
        sys.exit(
            "config: synthetic.valid: 0, but patches.valid_share gives no validation samples; raise"
            " one of them"
        )
    for volume, row in VOLUMES.items():
        missing = " ".join(name for name in PREDICTED if name not in row)
        if labels(volume) and missing and row.get("train") != "false":
            logger.info(
                f"{config['volumes']}: volume {volume!r}: not used for training, labels missing:"
                f" {missing}"
            )


def trainable_attributes(volume):
    """Attributes of the tasks for which a volume has all labels."""
    given = set(labels(volume))
    return attributes_of(tuple(task for task, names in ALL_TASKS.items() if given >= set(names)))


require_input_files()
require_training_samples()
