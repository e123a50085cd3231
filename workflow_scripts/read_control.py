"""Read horizons and control points for geologic time, and check them against the survey."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, run, shape_of
from strataflow.interpretation.control import read_control, write_control
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    parser.add_argument(
        "--horizons",
        type=Path,
        nargs="*",
        default=[],
        help="horizon files: Irap, CSV, OpendTect...",
    )
    parser.add_argument(
        "--control_points", type=Path, help="table of set, inline, crossline, time or depth"
    )
    parser.add_argument("--output", type=Path, required=True, help="control file to write, X.npz")
    add_shape(parser)
    a = parser.parse_args()
    if not a.horizons and not a.control_points:
        parser.error("--horizons or --control_points: at least one of them is needed")
    # The samples are not read.
    volume = open_volume(a.input, shape_of(a), intact=False)
    sets, notes = read_control(a.horizons, a.control_points, volume.sidecar)
    for note in notes:
        print(note)
    for one in sets:
        print(f"{one.name}: {len(one.points):,} points")
    write_control(a.output, sets)


if __name__ == "__main__":
    run(main)
