"""Fit RGT to the reflectors of a survey: it jumps at faults by their throw and honours control."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, boolean, run, shape_of
from strataflow.interpretation.control import load_control
from strataflow.interpretation.surface_files import load_surfaces
from strataflow.prediction.fit_rgt import fit_rgt
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="predicted raw volume X.rgt")
    parser.add_argument(
        "--image", type=Path, required=True, help="raw volume of the image, which RGT follows"
    )
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the file to write")
    parser.add_argument("--fsem", type=Path, help="raw volume X.fsem of fault probability")
    parser.add_argument(
        "--surfaces", type=Path, help="X.fault_surfaces.npz of pick_faults.py: RGT jumps there"
    )
    parser.add_argument(
        "--control", type=Path, help="control file of read_control.py, which RGT honours"
    )
    parser.add_argument(
        "--confidence",
        type=boolean,
        default=False,
        metavar="BOOL",
        help="also write the confidence of RGT: PREFIX.crgt",
    )
    add_shape(parser)
    a = parser.parse_args()
    predicted = open_volume(a.input, shape_of(a), "rgt")
    shape = predicted.shape
    fit_rgt(
        predicted,
        open_volume(a.image, shape),
        a.output,
        open_volume(a.fsem, shape, "fsem") if a.fsem else None,
        load_surfaces(a.surfaces, shape.array) if a.surfaces else (),
        load_control(a.control) if a.control else (),
        confidence=a.confidence,
    )


if __name__ == "__main__":
    run(main)
