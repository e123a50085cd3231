"""Draw sections of predictions and picked faults over the amplitudes, and charts of them."""

from pathlib import Path

from strataflow.cli.arguments import (
    Parser,
    above_zero,
    add_probability,
    add_shape,
    positive,
    run,
    shape_of,
)
from strataflow.errors import StrataflowError
from strataflow.figures.fault_lines import read_fault_meshes
from strataflow.figures.pictures import Results, plot
from strataflow.figures.wiggles import DENSITY, STYLES
from strataflow.volume.attributes import ATTRIBUTES, CONFIDENCE, FAULT_ID, SPREAD
from strataflow.volume.tables import read_table
from strataflow.volume.volume import attribute_path, label_path, open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    parser.add_argument("--prediction", type=Path, required=True, help="PREFIX of the predictions")
    parser.add_argument("--target", type=Path, help="PREFIX of the labels")
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the pictures")
    add_probability(parser)
    parser.add_argument(
        "--velocity",
        type=above_zero,
        help="m/s that turn two-way time into depth, for the vertical exaggeration",
    )
    parser.add_argument(
        "--traces",
        choices=STYLES,
        default=DENSITY,
        help="how inlines and crosslines draw amplitudes: variable density, wiggles with their"
        " positive half filled, or both",
    )
    parser.add_argument("--workers", type=positive, default=1, help="number of processes")
    add_shape(parser)
    a = parser.parse_args()
    # Only a few sections are read, so checksums of whole volumes are left to the other programs.
    image = open_volume(a.input, shape_of(a), intact=False)
    predicted = {
        name: open_volume(attribute_path(a.prediction, name), image.shape, name, intact=False)
        for name in (*ATTRIBUTES, SPREAD, CONFIDENCE, FAULT_ID)
        if attribute_path(a.prediction, name).is_file()
    }
    if not predicted:
        raise StrataflowError(
            f"{a.prediction}: no predictions found, expected {a.prediction}.fsem or others"
        )
    labels = {name: label_path(a.target, name) for name in ATTRIBUTES} if a.target else {}
    truth = {n: open_volume(p, image.shape, n, intact=False) for n, p in labels.items() if p}
    meshes, throws = (Path(f"{a.prediction}.{n}") for n in ("faults.vtp", "fault_throws.csv"))
    picks = read_fault_meshes(meshes, image.sidecar) if meshes.is_file() else None
    table = read_table(throws) if throws.is_file() else None
    results = Results(image, predicted, truth, picks, table)
    plot(results, a.output, a.probability, a.velocity, a.workers, a.traces)


if __name__ == "__main__":
    run(main)
