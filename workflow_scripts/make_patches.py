"""Cut a survey and its labels into numbered samples for training."""

from pathlib import Path

from strataflow.cli.arguments import (
    Parser,
    add_shape,
    fraction,
    not_negative,
    positive,
    run,
    shape_of,
)
from strataflow.cli.folders import add_folders, folders_of
from strataflow.training.patches import largest_patch, make_patches
from strataflow.volume.attributes import ATTRIBUTES
from strataflow.volume.raw import Shape
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    for name in ATTRIBUTES:
        parser.add_argument(f"--{name}", type=Path, help=f"raw volume of the label {name}")
    add_folders(parser)
    parser.add_argument(
        "--patch",
        type=positive,
        nargs=3,
        metavar=("N1", "N2", "N3"),
        help="size of the patches; if omitted, 128, or less for a smaller survey",
    )
    parser.add_argument(
        "--overlap", type=fraction, default=0.25, help="fraction by which neighbours overlap"
    )
    parser.add_argument(
        "--valid_share", type=fraction, default=0.1, help="fraction held out for validation"
    )
    parser.add_argument(
        "--seed", type=not_negative, default=1, help="random seed of the corrupted attributes"
    )
    add_shape(parser)
    a = parser.parse_args()
    shape = shape_of(a)
    image = open_volume(a.input, shape)
    given = {name: getattr(a, name) for name in ATTRIBUTES if getattr(a, name)}
    if not given:
        parser.error(f"no labels: give at least one of --{' --'.join(ATTRIBUTES)}")
    labels = {name: open_volume(path, shape, name) for name, path in given.items()}
    patch = Shape(*a.patch) if a.patch else largest_patch(image.shape)
    counts = make_patches(image, labels, folders_of(a), patch, a.overlap, a.valid_share, a.seed)
    print(f"{a.input}: {counts['train']} patches for training, {counts['valid']} for validation")


if __name__ == "__main__":
    run(main)
