"""Target files of the workflow."""

DESCRIPTION = ("statistics.csv", "statistics.png", "sheet.png", "comparison.csv", "comparison.png")

# What is written of picked faults besides volumes.
FAULT_FILES = (
    "faults.csv",
    "fault_points.csv",
    "fault_throws.csv",
    "fault_sticks.txt",
    "fault_sticks.odt.txt",
    "faults.vtp",
    "faults.ts",
    "fault_surfaces.npz",
)


def descriptions():
    """Description of the synthetic samples, if the networks train on them."""
    if not config["training"]["epochs"] or not config["synthetic"]["train"]:
        return []
    return [f"results/describe_samples/{name}" for name in DESCRIPTION]


def picks(volume):
    """Picked faults and horizons of a volume, if they are predicted and configured."""
    names = []
    if FAULT_VOLUMES:
        names += FAULT_FILES
    faults = [f"results/predictions/{volume}/{volume}.{name}" for name in names]
    return faults + picked_horizons(volume)


def pictures(names):
    """Names of the pictures of a volume with these attributes."""
    more = {"dhr": "spectrum", "fstrike": "rose"}
    return [
        *(["faults", "throws"] if FAULT_VOLUMES else []),
        *names,
        *(picture for name, picture in more.items() if name in names),
    ]


def drawn(names):
    """Pictures of a volume with these attributes, as an output that the report shows."""
    return report(
        expand("results/predictions/{{volume}}/{{volume}}.{name}.png", name=pictures(names)),
        caption="../report/plot.rst",
        category="Quality control",
        labels={"volume": "{volume}"},
    )


def delivered_of(volume):
    """All results of a volume under results/predictions/."""
    suffixes = ["", ".json"]
    suffixes += [".sgy"] * config["export"]["segy"]
    suffixes += [".vgi", ".mhd"] * config["export"]["vgi"]
    suffixes += survey_ending(volume) * config["export"]["same_format"]
    prefix = f"results/predictions/{volume}/{volume}"
    attributes = delivered_attributes(volume)
    volumes = (*attributes, *FAULT_VOLUMES, *FLATTENED)
    files = [f"{prefix}.{name}{suffix}" for name in volumes for suffix in suffixes]
    files += [f"{prefix}.{name}.png" for name in (*pictures(attributes), *FLATTENED)]
    files += [f"{prefix}.scene.json", *picks(volume)]
    files += [f"results/predictions/{volume}/seams.{kind}" for kind in ("csv", "png")]
    files += [f"{prefix}.lines_to_label.csv"] * (SPREAD in INFERRED)
    if is_evaluated(volume):
        files += [f"results/predictions/{volume}/{n}" for n in ("metrics.json", "passes.csv")]
    return files


def delivered():
    """All results of all predicted volumes."""
    return [file for volume in PREDICTED_VOLUMES for file in delivered_of(volume)]


def used_weights():
    """Weights that the predictions come from."""
    return [weights("infer"), *([weights("refine")] if config["refinement"]["iterations"] else [])]


def settings_shown():
    """Settings on the overview page: those that change what is predicted and picked."""
    sections = ("model", "training", "prediction", "refinement", "interpretation", "segy")
    return {section: config[section] for section in sections}


def predictions():
    """All files that `snakemake results/predictions/` delivers."""
    return [
        *descriptions(),
        *delivered(),
        "results/predictions/index.html",
        "results/predictions/timings.csv",
    ]
