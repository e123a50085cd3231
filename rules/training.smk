"""Samples, weights and flags of the trainings."""


def initial_weights(network):
    """Weights that training starts from, or none for random weights."""
    folder = config["training"]["init_weights"]
    return [f"{folder}/{network}.pth"] if folder else []


def manifests(split):
    """Manifests of a split: synthetic samples, and patches of each training volume."""
    folders = ["results/synthesize"]
    folders += [f"results/make_patches/{volume}" for volume in PATCHED_VOLUMES]
    return [f"{folder}/manifest_{split}.csv" for folder in folders]


def sample_folders(what):
    """Sample folders named `what`: data_train, target_train, data_valid or target_valid."""
    split = what.split("_")[1]
    return [str(Path(manifest).with_name(what)) for manifest in manifests(split)]


# Share of crops from labelled surveys if training.label_share is null (docs/how-to/own_labels.md).
LABEL_SHARE = 0.5


def training_surveys():
    """Images and labels of the surveys that training reads directly, with their sidecars."""
    images = [f"{prefix_of_binary(volume)}.bin" for volume in TRAINING_SURVEYS]
    files = [*images, *(str(Path(image).with_suffix(".json")) for image in images)]
    for volume in TRAINING_SURVEYS:
        files += with_sidecars(prefix_of_labels(volume), label_names(volume))
    return [*files, *(path for path in horizons_of_training() if path)]


def horizons_of_training():
    """Horizons that teach RGT, for each survey that training reads directly; "" for none."""
    found = []
    for volume in TRAINING_SURVEYS:
        controlled = "rgt" in TASKS and is_controlled(volume)
        found.append(f"results/read_control/{volume}.npz" if controlled else "")
    return found


def survey_training_flags():
    """Surveys that training reads directly, their held-out lines and their share."""
    if not TRAINING_SURVEYS:
        return {}
    held_out = [VOLUMES[volume].get("held_out", "") for volume in TRAINING_SURVEYS]
    share = config["training"]["label_share"] or LABEL_SHARE
    return {
        "survey_images": [f"{prefix_of_binary(volume)}.bin" for volume in TRAINING_SURVEYS],
        "survey_labels": [prefix_of_labels(volume) for volume in TRAINING_SURVEYS],
        "survey_held_out": held_out if any(held_out) else [],
        "survey_control": horizons_of_training() if any(horizons_of_training()) else [],
        "survey_valid_share": config["patches"]["valid_share"],
        "label_share": share,
    }


def training_flags(epochs=None, surveys=None):
    """Flags of both networks. `epochs` replaces `training.epochs`; `surveys` are further flags."""
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
        norm_statistics=training["norm_statistics"],
        **shape_flags(config["patches"]["size"]),
        **task_flags(),
        **(surveys or {}),
    )


def predicted_folders(what):
    """Folders of the predictions of the inference network for `sample_folders(what)`."""
    folders = sample_folders(what)
    return [folder.replace("results/", "results/predict_samples/", 1) for folder in folders]


# Share of the trained weights if training.trained_share is null and surveys are labelled in part
# (docs/how-to/own_labels.md).
TRAINED_SHARE = 0.5


def trained_share(network):
    """Share of the trained weights in the extracted ones; the rest are the initial weights."""
    given = config["training"]["trained_share"]
    if given is None and network == "infer" and TRAINING_SURVEYS and initial_weights(network):
        return TRAINED_SHARE
    return given or 1


def blended_weights(wildcards):
    """Initial weights that are a part of the extracted ones, or none."""
    return initial_weights(wildcards.network) if trained_share(wildcards.network) < 1 else []


def blending_flags(wildcards):
    """--initial --share of blended weights."""
    initial = blended_weights(wildcards)
    return flags(initial=initial, share=trained_share(wildcards.network)) if initial else ""
