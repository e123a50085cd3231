"""Samples, weights and flags of the trainings."""


def initial_weights(network):
    """Weights that training starts from, or none for random weights."""
    folder = config["training"]["init_weights"]
    return [f"{folder}/{network}.pth"] if folder else []


def manifests(split):
    """Manifests of a split: synthetic samples, and patches of each training volume."""
    folders = ["results/synthesize"]
    folders += [f"results/make_patches/{volume}" for volume in TRAINING_VOLUMES]
    return [f"{folder}/manifest_{split}.csv" for folder in folders]


def sample_folders(what):
    """Sample folders named `what`: data_train, target_train, data_valid or target_valid."""
    split = what.split("_")[1]
    return [str(Path(manifest).with_name(what)) for manifest in manifests(split)]


def training_flags(epochs=None):
    """Flags that both networks share. `epochs` replaces `training.epochs`."""
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


def predicted_folders(what):
    """Folders of the predictions of the inference network for `sample_folders(what)`."""
    folders = sample_folders(what)
    return [folder.replace("results/", "results/predict_samples/", 1) for folder in folders]
