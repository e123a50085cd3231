"""Convert a stacked survey to a raw volume (float32, n1 fastest) and its sidecar.

The survey, 3D or a 2D line, is a SEG-Y, ZGY, OpenVDS or MDIO file, a NumPy array, or a raw volume.
"""

from pathlib import Path

from strataflow.cli.arguments import (
    Parser,
    add_header_bytes,
    add_interval,
    add_shape,
    header_bytes_of,
    run,
    shape_of,
)
from strataflow.formats.opening import Reading, convert_survey
from strataflow.volume.attributes import ATTRIBUTES, TRUTH
from strataflow.volume.sidecar import HeaderBytes


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "--input",
        type=Path,
        required=True,
        help="SEG-Y, .zgy, .vds, .mdio or .npy, or a raw volume with --n1 --n2 --n3",
    )
    parser.add_argument("--output", type=Path, required=True, help="raw volume to write, X.bin")
    parser.add_argument(
        "--attribute",
        choices=["image", *ATTRIBUTES, *TRUTH],
        default="image",
        help="image, or the attribute that the samples hold",
    )
    parser.add_argument(
        "--domain",
        choices=["time", "depth"],
        default="time",
        help="domain of the vertical axis, if the file does not say",
    )
    add_interval(parser)
    add_header_bytes(parser, HeaderBytes())
    add_shape(parser)
    a = parser.parse_args()
    reading = Reading(header_bytes_of(a), a.domain, shape_of(a), a.interval)
    convert_survey(a.input, a.output, reading, a.attribute)


if __name__ == "__main__":
    run(main)
