"""Write a raw volume as an MDIO store or an OpenVDS file, by the ending of --output."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, run, shape_of
from strataflow.errors import StrataflowError
from strataflow.formats.writing import WRITERS
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume, e.g. X.fsem")
    parser.add_argument(
        "--output", type=Path, required=True, help="store or file to write: X.mdio or X.vds"
    )
    parser.add_argument(
        "--degrees", action="store_true", help="write dip and strike in degrees, not as 0 to 1"
    )
    add_shape(parser)
    a = parser.parse_args()
    if a.output.suffix not in WRITERS:
        raise StrataflowError(
            f"--output: {a.output}: unknown ending, expected {' or '.join(WRITERS)}"
        )
    volume = open_volume(a.input, shape_of(a), a.input.suffix[1:])
    WRITERS[a.output.suffix](volume, a.output, a.degrees)


if __name__ == "__main__":
    run(main)
