"""Draw sections of predictions over the amplitudes, next to the labels where available."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_probability, add_shape, run, shape_of
from strataflow.errors import StrataflowError
from strataflow.figures.sections import plot
from strataflow.volume.attributes import ATTRIBUTES, FAULT_ID, SPREAD
from strataflow.volume.volume import attribute_path, label_path, open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    parser.add_argument("--prediction", type=Path, required=True, help="PREFIX of the predictions")
    parser.add_argument("--target", type=Path, help="PREFIX of the labels")
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the figures")
    add_probability(parser)
    add_shape(parser)
    a = parser.parse_args()
    shape = shape_of(a)
    image = open_volume(a.input, shape)
    predicted = {
        name: open_volume(attribute_path(a.prediction, name), image.shape, name)
        for name in (*ATTRIBUTES, SPREAD, FAULT_ID)
        if attribute_path(a.prediction, name).is_file()
    }
    if not predicted:
        raise StrataflowError(
            f"{a.prediction}: no predictions found, expected {a.prediction}.fsem or others"
        )
    labelled = (*ATTRIBUTES, FAULT_ID)
    labels = {name: label_path(a.target, name) for name in labelled} if a.target else {}
    truth = {name: open_volume(p, image.shape, name) for name, p in labels.items() if p}
    plot(image, predicted, truth, a.output, a.probability)


if __name__ == "__main__":
    run(main)
