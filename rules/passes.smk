"""Passes over a volume, from inference to the last refinement, and what follows each."""


def attributes_after(volume, iterations, names=PREDICTED):
    """Attributes of a volume and their sidecars after this number of refinement iterations."""
    folder = f"refine/{volume}/{iterations}" if iterations else f"infer/{volume}"
    return with_sidecars(f"results/{folder}/{volume}", names)


def attributes_before(wildcards):
    """Input of an iteration of refinement: the attributes after the previous one."""
    return attributes_after(wildcards.volume, int(wildcards.iteration) - 1)


def prefixes_of_slabs(wildcards):
    """PREFIX of each slab of a volume."""
    count = int(VOLUMES[wildcards.volume].get("slabs", config["prediction"]["slabs"]))
    folder = f"results/{wildcards.passed}"
    return [f"{folder}/{slab}-of-{count}/{wildcards.volume}" for slab in range(count)]


def slabs_of_pass(wildcards):
    """The files of all slabs of a pass."""
    attributes = INFERRED if wildcards.passed.startswith("infer/") else PREDICTED
    names = [*attributes, "slab.json"]
    return [f"{prefix}.{name}" for prefix in prefixes_of_slabs(wildcards) for name in names]


def attributes_to_deliver(wildcards):
    """The attributes after the last iteration, and the spread, which only inference writes."""
    volume = wildcards.volume
    delivered = [name for name in delivered_attributes(volume) if name in AS_PREDICTED]
    last = [name for name in delivered if name in PREDICTED]
    spread = [name for name in delivered if name not in PREDICTED]
    return [
        *attributes_after(volume, config["refinement"]["iterations"], last),
        *attributes_after(volume, 0, spread),
    ]


def sidecars_to_deliver(wildcards):
    """The sidecars of the attributes to deliver."""
    return [path for path in attributes_to_deliver(wildcards) if path.endswith(".json")]


def raw_files_to_deliver(wildcards):
    """The raw files of the attributes to deliver."""
    return [path for path in attributes_to_deliver(wildcards) if not path.endswith(".json")]


def delivered_by_inference(wildcards):
    """The attributes in the results if they are those of inference, without refinement."""
    if config["refinement"]["iterations"]:
        return []
    prefix = f"results/predictions/{wildcards.volume}/{wildcards.volume}"
    names = [n for n in delivered_attributes(wildcards.volume) if n in AS_PREDICTED]
    return with_sidecars(prefix, names)


def faults_to_pick(wildcards):
    """Fault probability, dip and strike in the results, with their sidecars."""
    names = [name for name in ALL_TASKS["fault"] if name in delivered_attributes(wildcards.volume)]
    return with_sidecars(f"results/predictions/{wildcards.volume}/{wildcards.volume}", names)


def attributes_to_plot(wildcards):
    """All attributes in the results of a volume, with their sidecars."""
    prefix = f"results/predictions/{wildcards.volume}/{wildcards.volume}"
    return with_sidecars(prefix, delivered_attributes(wildcards.volume))


def rgt_of_last_pass(wildcards):
    """Predicted RGT and its sidecar."""
    return attributes_after(wildcards.volume, config["refinement"]["iterations"], ["rgt"])


def fault_probability():
    """Fault probability as it is delivered, if it is predicted."""
    names = ["fsem"] if "fsem" in PREDICTED else []
    return with_sidecars("results/predictions/{volume}/{volume}", names)


def picked_surfaces():
    """Surfaces of the picked faults, if faults are picked."""
    return ["results/predictions/{volume}/{volume}.fault_surfaces.npz"] if FAULT_VOLUMES else []


def fit_rgt_flags(wildcards, input):
    """Fault probability, surfaces and control that RGT is fitted to, and --confidence."""
    confidence = [True] if CONFIDENCE in FITTED else []
    return flags(
        fsem=input.fsem[:1],
        surfaces=input.surfaces,
        control=input.control,
        confidence=confidence,
    )


def passes_over(volume):
    """Folders under results/ of the passes over a volume: inference, then each refinement.

    The last pass is scored as it is delivered, since faults are picked from that.
    """
    passes = [f"infer/{volume}"]
    passes += [f"refine/{volume}/{n}" for n in range(1, config["refinement"]["iterations"] + 1)]
    return [*passes[:-1], f"predictions/{volume}"]


def single_faults(wildcards):
    """Picked faults and true ones, for a pass that faults are picked from and that has both."""
    volume = wildcards.volume
    picked, true = f"results/predictions/{volume}/{volume}", prefix_of_binary(volume)
    if wildcards.passed != f"predictions/{volume}" or not is_evaluated(volume):
        return []
    if is_labelled_in_part(volume):
        return []
    delivered = delivered_of(volume)
    names = [n for n in TRUTH if n in VOLUMES[volume] and f"{picked}.{n}" in delivered]
    return with_sidecars(picked, names) + with_sidecars(true, names)


def evaluate_flags(wildcards):
    """Minimum probability of a fault, and the lines that count: those held out, if any."""
    held_out = VOLUMES[wildcards.volume].get("held_out", [])
    return flags(**probability_flag(), lines=held_out)


def scores_of_passes(wildcards):
    """Metrics of a volume after each pass."""
    volume = wildcards.volume
    return [f"results/evaluate/{passed}/{volume}.json" for passed in passes_over(volume)]


def scores_of_last_pass(wildcards):
    """Metrics of a volume after the last pass."""
    return scores_of_passes(wildcards)[-1]


def pick_faults_flags():
    """Which faults are picked."""
    names = ("minimum_area", "mean_probability", "bridge", "maximum_throw", "dip", "strike")
    settings = config["interpretation"]
    chosen = {name: [] if settings[name] is None else settings[name] for name in names}
    return flags(**probability_flag(), **chosen, **velocity_flag())
