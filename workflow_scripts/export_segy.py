"""Write a raw volume as SEG-Y, with the headers and trace order of the original survey.

Without --template, headers are made from the geometry in the sidecar of the volume.
"""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_shape, header_position, run, shape_of
from strataflow.segy.new_survey import export_new_segy
from strataflow.segy.writer import SAMPLE_FORMATS, export_segy
from strataflow.volume.sidecar import HeaderBytes
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume, e.g. X.fsem")
    parser.add_argument("--template", type=Path, help="SEG-Y file of the survey")
    parser.add_argument("--output", type=Path, required=True, help="SEG-Y file to write")
    parser.add_argument(
        "--format", choices=list(SAMPLE_FORMATS), default="ieee", help="format of 4-byte floats"
    )
    parser.add_argument(
        "--degrees", action="store_true", help="write dip and strike in degrees, not as 0 to 1"
    )
    for name, what in (("iline", "inline"), ("xline", "crossline")):
        parser.add_argument(
            f"--{name}",
            type=header_position,
            metavar="BYTE",
            help=f"byte position of the {what} number; if omitted, as in the sidecar or standard",
        )
    add_shape(parser)
    a = parser.parse_args()
    volume = open_volume(a.input, shape_of(a), a.input.suffix[1:])
    if a.template is None:
        export_new_segy(volume, a.output, a.format, a.degrees)
        return
    stored = HeaderBytes(**volume.sidecar.source.get("header_bytes", {}))
    where = HeaderBytes(
        a.iline or stored.iline, a.xline or stored.xline, stored.cdp_x, stored.cdp_y
    )
    export_segy(volume, a.template, a.output, where, a.format, a.degrees)


if __name__ == "__main__":
    run(main)
