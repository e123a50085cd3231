"""Checks of the configuration, independent of Snakemake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..errors import StrataflowError
from ..prediction.averaging import Averaging
from ..synthetic.scenario import Scenario
from .settings import Configuration
from .validation import validated

# pydantic compiles the models once.
CONFIGURATION = TypeAdapter(Configuration)


def require_configuration(config: dict[str, Any]) -> None:
    """Check the configuration, and fill in the defaults of missing keys.

    Raises:
        StrataflowError: A value is invalid. The message names the key and the expected value.
    """
    complete = validated(config, CONFIGURATION, "config")
    # Defaults are as the model states them, such as 200 for a float.
    _fill(config, complete.model_dump(warnings=False))
    require_scenarios(config["synthetic"])
    averaging_of(config)
    if config["prediction"]["confidence"] and "rgt" not in tasks_of(config):
        raise StrataflowError(
            "config: prediction.confidence: needs model.tasks.rgt; set it to true, or confidence:"
            " false"
        )
    require_initial_weights(config["training"])
    require_refinement(config)


def _fill(section: dict[str, Any], complete: dict[str, Any]) -> None:
    """Add the keys of `complete` that `section` lacks. Values stay as the user wrote them."""
    for key, value in complete.items():
        if isinstance(value, dict):
            _fill(section.setdefault(key, {}), value)
        else:
            section.setdefault(key, value)


def tasks_of(config: dict[str, Any]) -> tuple[str, ...]:
    """Return the tasks that the configuration switches on."""
    return tuple(task for task, on in config["model"]["tasks"].items() if on)


def require_scenarios(synthetic: dict[str, Any]) -> None:
    """Check all scenarios in the section `synthetic` of the configuration.

    Raises:
        StrataflowError: A setting is out of its limits.
    """
    places = {"synthetic.scenario": synthetic["scenario"]}
    for number, others in enumerate(synthetic["scenarios"]):
        places[f"synthetic.scenarios.{number}"] = synthetic["scenario"] | others
    for name, survey in synthetic["surveys"].items():
        places[f"synthetic.surveys.{name}.scenario"] = survey["scenario"]
    for place, settings in places.items():
        try:
            Scenario(**settings)
        except StrataflowError as error:
            raise StrataflowError(f"config: {place}.{error}") from None


def averaging_of(config: dict[str, Any]) -> Averaging:
    """Return the copies to average from the section `prediction` of the configuration.

    Raises:
        StrataflowError: A setting is invalid, or does not apply to the tasks.
    """
    names = ("symmetries", "scales", "uncertainty")
    try:
        averaging = Averaging.of(*(config["prediction"][name] for name in names))
        averaging.require_faults(tasks_of(config))
    except StrataflowError as error:
        raise StrataflowError(f"config: prediction.{error}") from None
    return averaging


def require_initial_weights(training: dict[str, Any]) -> None:
    """Raise StrataflowError unless the folder `training.init_weights` contains weights."""
    folder = training["init_weights"]
    if not training["epochs"] and not folder:
        raise StrataflowError("config: training.epochs: 0 needs training.init_weights")
    if not folder and (training["trained_share"] or 1) < 1:
        raise StrataflowError(
            f"config: training.trained_share: {training['trained_share']:g} needs "
            "training.init_weights; without initial weights all are trained ones (1)"
        )
    if folder and not (Path(folder) / "infer.pth").is_file():
        raise StrataflowError(
            f"config: training.init_weights: {folder}/infer.pth: no such file; name a folder with"
            " infer.pth and refine.pth, or set null to start from random weights"
        )


def require_refinement(config: dict[str, Any]) -> None:
    """Raise StrataflowError unless untrained refinement has weights and all inputs of these."""
    training, iterations = config["training"], config["refinement"]["iterations"]
    if training["epochs"] or not iterations:
        return
    path = Path(training["init_weights"]) / "refine.pth"
    setting = f"config: refinement.iterations: {iterations}"
    if not path.is_file():
        raise StrataflowError(
            f"{setting}: {path}: no such file; refinement without training needs it (set"
            " iterations to 0, or training.epochs to at least 1)"
        )
    chosen = tasks_of(config)
    if len(chosen) == len(config["model"]["tasks"]):
        return
    # Loading PyTorch takes seconds, and few configurations need it.
    from ..network.weights import architecture_of, read_checkpoint

    absent = [task for task in architecture_of(read_checkpoint(path)).tasks if task not in chosen]
    if absent:
        raise StrataflowError(
            f"{setting}: {path} refines {', '.join(absent)} too, which model.tasks switches off;"
            " set iterations to 0, or training.epochs to at least 1"
        )
