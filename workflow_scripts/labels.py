"""Turn fault masks, fault sticks and interpreted lines into label volumes for training."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, run, shape_of
from strataflow.figures.labels import draw_labels
from strataflow.interpretation.labels import Given, make_labels
from strataflow.volume.attributes import ATTRIBUTES
from strataflow.volume.volume import attribute_path, open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    for name in ATTRIBUTES:
        parser.add_argument(f"--{name}", type=Path, help=f"raw volume of the label {name}")
    parser.add_argument(
        "--fault_sticks",
        type=Path,
        nargs="+",
        default=[],
        help="files of fault sticks: Charisma, OpendTect ASCII, CPS-3 or Petrel points, or tables"
        " with a header",
    )
    parser.add_argument(
        "--labelled",
        metavar="LINES",
        help="lines that were interpreted, such as 'inline 1200-1210, 1300; crossline 2400', or"
        " 'all'; if omitted, all that are known, or the lines with sticks",
    )
    parser.add_argument(
        "--unknown",
        type=float,
        help="value in label volumes that stands for unknown, besides NaN and missing traces",
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="PREFIX of the volumes, table and picture"
    )
    add_shape(parser)
    a = parser.parse_args()
    shape = shape_of(a)
    image = open_volume(a.input, shape)
    given = {name: getattr(a, name) for name in ATTRIBUTES if getattr(a, name)}
    labels = {name: open_volume(path, shape, name) for name, path in given.items()}
    table = make_labels(
        Given(image, labels, tuple(a.fault_sticks), a.labelled, a.unknown), a.output
    )
    print(table.to_string(index=False, na_rep="", float_format="{:.4f}".format))
    shown = attribute_path(a.output, table["label"][0])
    draw_labels(Path(f"{a.output}.labels.png"), image, open_volume(shown, intact=False))


if __name__ == "__main__":
    run(main)
