"""Control of geologic time: horizons and control points of the sample sheet."""

from strataflow.interpretation.horizon_files import require_horizon_file
from strataflow.interpretation.horizon_names import control_file, horizon_paths


def files_of_control(volume):
    """Horizon files of a volume, and its table of control points if it has one."""
    row = VOLUMES[volume]
    points = row.get("control_points")
    return horizon_paths(row.get("horizons", "")), [Path(points)] if points else []


def require_control_files():
    """Exit with one line for the first control file that is missing or of an unknown format."""
    for name, row in VOLUMES.items():
        for column in sorted({"horizons", "control_points"} & row.keys()):
            try:
                named = column == "control_points"
                paths = [control_file(row[column])] if named else horizon_paths(row[column])
                for path in paths:
                    require_horizon_file(path, named)
            except StrataflowError as error:
                sys.exit(f"{config['volumes']}: volume {name!r}: {column}: {error}")


def control_files(wildcards):
    """Horizon files and control points as inputs of a rule."""
    horizons, points = files_of_control(wildcards.volume)
    return {"horizons": list(map(str, horizons)), "control_points": list(map(str, points))}


def control_flags(wildcards):
    """--horizons --control_points."""
    return flags(**control_files(wildcards))


def control_of(wildcards):
    """The control of a volume as an input of a rule, if it has any."""
    volume = wildcards.volume
    return [f"results/read_control/{volume}.npz"] if is_controlled(volume) else []


require_control_files()
