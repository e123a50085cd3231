"""Draw faults, two sections and a horizon in 3D, without a display."""

import sys
from pathlib import Path

from strataflow.cli.arguments import Parser, above_zero, add_shape, run, shape_of
from strataflow.figures.scene_picture import draw_scene
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    parser.add_argument(
        "--prediction", type=Path, required=True, help="PREFIX of the picked faults and horizons"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="PREFIX: writes X.scene.png and X.scene.json"
    )
    parser.add_argument(
        "--velocity",
        type=above_zero,
        help="m/s that turn two-way time into depth, for the vertical exaggeration",
    )
    add_shape(parser)
    a = parser.parse_args()
    image = open_volume(a.input, shape_of(a), intact=False)
    reason = draw_scene(image, a.prediction, a.output, a.velocity)
    if reason:
        print(f"render_scene: no 3D picture: {reason}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
