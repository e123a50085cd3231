"""Labels that interpreters have: masks, fault sticks, lines; how they become label volumes."""

from strataflow.interpretation.horizon_names import horizon_paths
from strataflow.interpretation.labelled_lines import parse_lines


def require_label_columns():
    """Exit with one line for label columns that contradict each other or name no file."""
    for name, row in VOLUMES.items():
        place = f"{config['volumes']}: volume {name!r}"
        checks = {"fault_sticks": horizon_paths, "labelled": parse_lines, "held_out": parse_lines}
        for column, check in checks.items():
            try:
                check(row[column]) if column in row else None
            except StrataflowError as error:
                sys.exit(f"{place}: {column}: {error}")
        if "fault_sticks" in row and {"fsem", "fdip", "fstrike"} & set(row):
            sys.exit(f"{place}: fault_sticks: fsem, fdip or fstrike are given too; use one of them")
        if ("fdip" in row) != ("fstrike" in row):
            sys.exit(f"{place}: fdip and fstrike must be given together")
        if "fdip" in row and "fsem" not in row:
            sys.exit(f"{place}: fdip and fstrike need fsem")
        alone = [c for c in ("labelled", "held_out", "unknown") if c in row]
        if alone and not labels(name) and "fault_sticks" not in row:
            sys.exit(f"{place}: {alone[0]}: the volume has no label that it could apply to")


def given_labels(wildcards):
    """Inputs to make labels from: the label volumes as converted, and files of fault sticks."""
    volume = wildcards.volume
    names = [name for name in label_names(volume) if name in labels(volume)]
    return {
        "labels": with_sidecars(prefix_of_binary(volume), names),
        "sticks": [str(path) for path in horizon_paths(VOLUMES[volume].get("fault_sticks", ""))],
    }


def given_label_flags(wildcards, input):
    """Flags to make labels."""
    row, prefix = VOLUMES[wildcards.volume], prefix_of_binary(wildcards.volume)
    names = [name for name in label_names(wildcards.volume) if name in row]
    columns = {name: row[name] for name in ("labelled", "unknown") if name in row}
    return flags(**{n: f"{prefix}.{n}" for n in names}, fault_sticks=input.sticks, **columns)


def prefix_of_made_labels(wildcards, output):
    """PREFIX of the label volumes that are made."""
    return output.table.removesuffix(".labels.csv")


def volumes_by_labels():
    """Volumes with labels in part, by the names of their label volumes."""
    groups = {}
    for volume in VOLUMES:
        if is_evaluated(volume) and is_labelled_in_part(volume):
            groups.setdefault(tuple(label_names(volume)), []).append(volume)
    return groups


VOLUMES_BY_LABELS = volumes_by_labels()


def name_of_labelling(names):
    """Name of the stage that makes the label volumes `names`; most runs have one."""
    return "labels" if len(VOLUMES_BY_LABELS) == 1 else f"labels_{'_'.join(names)}"


def ranked_labels_flag(wildcards):
    """--labels, if faults of a volume are labelled."""
    volume = wildcards.volume
    return flags(labels=prefix_of_labels(volume)) if "fsem" in label_names(volume) else ""


require_label_columns()
require_training_samples()
