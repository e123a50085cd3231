"""Write a raw volume as SEG-Y with the headers and trace order of the survey it came from."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, run, shape_of
from strataflow.segy.writer import SAMPLE_FORMATS, export_segy
from strataflow.volume.volume import HeaderBytes, open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume, X.fsem say")
    parser.add_argument("--template", type=Path, required=True, help="the original SEG-Y")
    parser.add_argument("--output", type=Path, required=True, help="SEG-Y to write")
    parser.add_argument(
        "--format", choices=list(SAMPLE_FORMATS), default="ieee", help="4-byte floats to write"
    )
    parser.add_argument(
        "--degrees", action="store_true", help="dip and strike in degrees, not over 180"
    )
    for name in ("iline", "xline"):
        parser.add_argument(
            f"--{name}",
            type=int,
            metavar="BYTE",
            help=f"byte position of the {name} number; the sidecar's, or the standard, if left out",
        )
    add_shape(parser)
    a = parser.parse_args()
    volume = open_volume(a.input, shape_of(a), a.input.suffix[1:])
    stored = HeaderBytes(**volume.sidecar.source.get("header_bytes", {}))
    where = HeaderBytes(
        a.iline or stored.iline, a.xline or stored.xline, stored.cdp_x, stored.cdp_y
    )
    export_segy(volume, a.template, a.output, where, a.format, a.degrees)


if __name__ == "__main__":
    run(main)
