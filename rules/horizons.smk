"""Horizons and flattened volumes of each volume."""

from strataflow.interpretation.horizon_files import horizon_names_of
from strataflow.interpretation.horizon_names import flat_names, horizon_names

# Suffix of the files of a horizon in each format that has a file for each.
HORIZON_SUFFIXES = {"irap": "irap", "opendtect": "odt.txt"}


def horizon_count(volume):
    """Number of horizons that are picked in a volume."""
    chosen = config["export"]["horizons"]
    if "rgt" not in PREDICTED or chosen == 0:
        return 0
    if chosen != "control":
        return chosen if isinstance(chosen, int) else len(chosen)
    if not is_controlled(volume):
        sys.exit(
            f"config: export.horizons: control, but volume {volume!r} has no horizons or"
            f" control_points in {config['volumes']}; add them, or set a number"
        )
    horizons, points = files_of_control(volume)
    return len({name for path in [*horizons, *points] for name in horizon_names_of(path)})


def volumes_by_horizons():
    """Predicted volumes by the number of their horizons."""
    groups = {}
    for volume in PREDICTED_VOLUMES:
        groups.setdefault(exit_on_error(horizon_count, volume), []).append(volume)
    return {count: volumes for count, volumes in groups.items() if count}


VOLUMES_BY_HORIZONS = volumes_by_horizons()
FLATTENED = flat_names(config["export"]["flatten"])


def name_of_picking(count):
    """Name of the rule that picks so many horizons; most runs have one."""
    return "pick_horizons" if len(VOLUMES_BY_HORIZONS) == 1 else f"pick_horizons_{count}"


def number_of_horizons(volume):
    """Number of horizons of a volume, without reading its files again."""
    return next((n for n, volumes in VOLUMES_BY_HORIZONS.items() if volume in volumes), 0)


def horizon_files(volume, count):
    """Files of horizons by format, besides tables and maps."""
    formats = config["export"]["horizon_formats"]
    suffixes = [HORIZON_SUFFIXES[name] for name in formats if name in HORIZON_SUFFIXES]
    names = [f"{name}.{suffix}" for suffix in suffixes for name in horizon_names(count)]
    names += ["horizons.vtp"] * ("vtp" in formats)
    return expand(f"results/predictions/{volume}/{volume}.{{name}}", name=names)


def picked_horizons(volume):
    """All files of the horizons of a volume."""
    count = number_of_horizons(volume)
    if not count:
        return []
    names = ["horizons.csv", "horizon_index.csv", *(f"{n}.png" for n in horizon_names(count))]
    prefix = f"results/predictions/{volume}/{volume}"
    return [f"{prefix}.{name}" for name in names] + horizon_files(volume, count)


def picked_fault_numbers():
    """Numbers of the picked faults, at which horizons break, if faults are picked."""
    names = [FAULT_ID] if FAULT_ID in FAULT_VOLUMES else []
    return with_sidecars("results/predictions/{volume}/{volume}", names)


def control_to_pick(wildcards):
    """The control of a volume if horizons are picked through it."""
    return control_of(wildcards) if config["export"]["horizons"] == "control" else []


def pick_horizons_flags(wildcards, input):
    """Which horizons are picked, at which faults they break, and what is written."""
    chosen = config["export"]["horizons"]
    if chosen == "control":
        levels = {"control": input.control}
    else:
        levels = {"count": chosen} if isinstance(chosen, int) else {"levels": chosen}
    formats = config["export"]["horizon_formats"]
    window = config["export"]["horizon_window"]
    # An empty list of formats is a flag, too.
    some = flags(formats=formats) if formats else "--formats"
    return f"{flags(**levels, faults=input.faults[:1], window=window)} {some}"


def flattened_by(wildcards):
    """What a volume is flattened by: RGT, or the table of horizons."""
    prefix = f"results/predictions/{wildcards.volume}/{wildcards.volume}"
    by_time = wildcards.flat == FLAT
    return with_sidecars(prefix, ["rgt"]) if by_time else f"{prefix}.horizons.csv"


def flatten_flags(wildcards, input):
    """--rgt, or --horizons and --number."""
    if wildcards.flat == FLAT:
        return flags(rgt=input.by[0])
    return flags(horizons=input.by, number=int(wildcards.flat.split("_")[1]))


def require_flat_horizons():
    """Exit with one line for a flattened volume of a horizon that is not picked."""
    for wanted in config["export"]["flatten"]:
        if "rgt" not in PREDICTED:
            sys.exit(
                "config: export.flatten: needs model.tasks.rgt; set it to true, or flatten: []"
            )
        for volume in PREDICTED_VOLUMES:
            count = number_of_horizons(volume)
            if wanted != "time" and wanted > count:
                sys.exit(
                    f"config: export.flatten: horizon {wanted}, but {count} are picked in volume"
                    f" {volume!r}; see export.horizons"
                )


require_flat_horizons()
