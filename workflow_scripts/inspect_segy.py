"""Describe a SEG-Y file: format, sorting, lines, amplitudes, corners and line-number bytes."""

import json
from pathlib import Path

from strataflow.cli.arguments import Parser, add_header_bytes, header_bytes_of, run
from strataflow.segy.inspect import as_text, inspect_segy


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("segy", type=Path, help="SEG-Y file")
    add_header_bytes(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    a = parser.parse_args()
    found = inspect_segy(a.segy, header_bytes_of(a))
    print(json.dumps(found, indent=1) if a.json else as_text(found))


if __name__ == "__main__":
    run(main)
