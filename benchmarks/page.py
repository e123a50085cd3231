"""Put the newest tables of results/benchmarks/ into docs/reference/benchmarks.md.

The page has the explanations, with a place for each table between the comments "results: NAME" and
"end of results". Tables without a new measurement stay as they are, and the command lists
them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from results_table import benchmark_parser

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmarks.md"

PLACE = re.compile(r"(<!-- results: (\w+) -->\n)(.*?)(<!-- end of results -->)", re.DOTALL)


def filled(page: str, folder: Path) -> tuple[str, list[str]]:
    """The page with the tables NAME.md in `folder`, and the names of places without a new one.

    Raises:
        SystemExit: The folder has none of the tables that the page has a place for.
    """
    missing = []

    def replace(place: re.Match[str]) -> str:
        begin, name, _, end = place.groups()
        measured = folder / f"{name}.md"
        if not measured.is_file():
            missing.append(name)
            return place[0]
        return f"{begin}\n{measured.read_text()}\n{end}"

    names = [place[2] for place in PLACE.finditer(page)]
    text = PLACE.sub(replace, page)
    if len(missing) == len(names):
        raise SystemExit(f"{folder}: none of {', '.join(names)} (run `make bench` first)")
    return text, missing


def main() -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    a = parser.parse_args()
    text, missing = filled(a.page.read_text(), a.output)
    a.page.write_text(text)
    picture = a.output / "summary.png"
    if picture.is_file():
        shutil.copyfile(picture, a.page.with_name("benchmarks.png"))
    print(f"{a.page}: kept as they were: {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
