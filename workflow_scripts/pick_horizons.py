"""Pick horizons from relative geologic time (RGT): tables, grids, meshes and maps."""

from pathlib import Path

from strataflow.cli.arguments import (
    Parser,
    add_shape,
    not_negative,
    positive,
    probability,
    run,
    shape_of,
)
from strataflow.interpretation.control import load_control
from strataflow.interpretation.horizon_amplitudes import WINDOW
from strataflow.interpretation.horizon_picking import COUNT, FORMATS, Choice, pick_horizons
from strataflow.volume.attributes import FAULT_ID
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume X.rgt")
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the files to write")
    parser.add_argument("--count", type=positive, default=COUNT, help="number of horizons")
    parser.add_argument(
        "--levels", type=probability, nargs="+", help="values of RGT, instead of a number"
    )
    parser.add_argument(
        "--control", type=Path, help="control file of read_control.py, whose horizons are picked"
    )
    parser.add_argument("--image", type=Path, help="raw volume of the amplitudes")
    parser.add_argument(
        "--faults", type=Path, help="raw volume X.fault_id of picked faults: horizons break there"
    )
    parser.add_argument(
        "--window",
        type=not_negative,
        default=WINDOW,
        help="samples above and below a horizon in its RMS amplitude",
    )
    parser.add_argument(
        "--formats",
        nargs="*",
        choices=FORMATS,
        default=list(FORMATS),
        help="files to write besides tables",
    )
    add_shape(parser)
    a = parser.parse_args()
    rgt = open_volume(a.input, shape_of(a), "rgt")
    image = open_volume(a.image, rgt.shape) if a.image else None
    faults = open_volume(a.faults, rgt.shape, FAULT_ID) if a.faults else None
    control = tuple(load_control(a.control)) if a.control else ()
    choice = Choice(control, tuple(a.levels or ()), a.count)
    pick_horizons(rgt, a.output, choice, image, faults, a.formats, a.window)


if __name__ == "__main__":
    run(main)
