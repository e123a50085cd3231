"""Make the pictures of the documentation from the results of the demo: smaller, with a palette."""

import argparse
from pathlib import Path

from PIL import Image

# Pictures, and the width of each in pixels.
PICTURES = {"faults": 1280, "scene": 1100}

# Number of colours. An octree keeps the rare colours of thin lines, unlike a median cut.
COLOURS = 256


def make_pictures(results: Path, output: Path) -> None:
    """Write `output`/NAME.PICTURE.png for the PICTURES of the volume in the folder `results`."""
    for name, width in PICTURES.items():
        file = f"{results.name}.{name}.png"
        with Image.open(results / file) as opened:
            picture = opened.convert("RGB")
        height = round(picture.height * width / picture.width)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
        reduced = picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        reduced.save(output / file, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="such as results/predictions/demo")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder")
    a = parser.parse_args()
    make_pictures(a.results, a.output)


if __name__ == "__main__":
    main()
