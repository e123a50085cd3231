"""Convert a post-stack 3D SEG-Y survey to a raw volume (float32, n1 fastest) and its sidecar."""

from pathlib import Path

from strataflow.cli.arguments import (
    Parser,
    add_header_bytes,
    add_shape,
    header_bytes_of,
    run,
    shape_of,
)
from strataflow.segy.reader import segy_to_binary
from strataflow.volume.attributes import ATTRIBUTES, TRUTH
from strataflow.volume.volume import HeaderBytes


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="SEG-Y file")
    parser.add_argument("--output", type=Path, required=True, help="raw volume to write, X.bin")
    parser.add_argument(
        "--attribute",
        choices=["image", *ATTRIBUTES, *TRUTH],
        default="image",
        help="image, or the attribute that the samples hold",
    )
    parser.add_argument(
        "--domain", choices=["time", "depth"], default="time", help="domain of the vertical axis"
    )
    add_header_bytes(parser, HeaderBytes())
    add_shape(parser)
    a = parser.parse_args()
    segy_to_binary(a.input, a.output, header_bytes_of(a), a.attribute, a.domain, shape_of(a))


if __name__ == "__main__":
    run(main)
