"""Write a .vgi header for a raw volume, and an .mhd header for ParaView."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, run, shape_of
from strataflow.volume.metaimage import export_vgi
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume, e.g. X.fsem")
    parser.add_argument("--output", type=Path, required=True, help="header to write, X.vgi")
    add_shape(parser)
    a = parser.parse_args()
    if a.output.suffix != ".vgi":
        parser.error(f"--output: expected a name that ends in .vgi, got {a.output}")
    export_vgi(open_volume(a.input, shape_of(a), a.input.suffix[1:]), a.output)


if __name__ == "__main__":
    run(main)
