"""Join the slabs that infer.py or refine.py predicted, with one consistent RGT."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, run, shape_of
from strataflow.prediction.join import join_slabs
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--slabs", type=Path, nargs="+", required=True, help="PREFIX of each slab")
    parser.add_argument(
        "--input", type=Path, required=True, help="raw volume of the image, which RGT follows"
    )
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the attributes")
    add_shape(parser)
    a = parser.parse_args()
    join_slabs(a.slabs, open_volume(a.input, shape_of(a)), a.output)


if __name__ == "__main__":
    run(main)
