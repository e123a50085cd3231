"""Describe a survey: format, lines, amplitudes, corners; for SEG-Y also the line-number bytes."""

import json
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
from strataflow.formats import inspect
from strataflow.formats.opening import Reading, has_segy_headers
from strataflow.segy.inspect import as_text, inspect_segy
from strataflow.volume.sidecar import HeaderBytes


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "survey", type=Path, help="SEG-Y, .zgy, .vds, .mdio or .npy, or a raw volume with its size"
    )
    add_header_bytes(parser, HeaderBytes())
    add_shape(parser)
    add_interval(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    a = parser.parse_args()
    shape = shape_of(a)
    if has_segy_headers(str(a.survey), shape is not None):
        found = inspect_segy(a.survey, header_bytes_of(a), shape)
        text = as_text
    else:
        found = inspect.inspect_survey(a.survey, Reading(shape=shape, interval=a.interval))
        text = inspect.as_text
    print(json.dumps(found, indent=1) if a.json else text(found))


if __name__ == "__main__":
    run(main)
