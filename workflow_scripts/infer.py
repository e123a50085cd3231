"""Predict dhr, rgt, fsem, fdip and fstrike from an image with the inference network (MTI)."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_probability, run, shape_of, tasks_of
from strataflow.cli.prediction import (
    add_averaging,
    add_inference,
    add_slab,
    averaging_of,
    predict,
)
from strataflow.network.weights import load_network
from strataflow.prediction.sources import image_source
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    parser.add_argument("--output", type=Path, required=True, help="PREFIX of the predictions")
    add_inference(parser)
    add_averaging(parser)
    add_probability(parser)
    add_slab(parser)
    a = parser.parse_args()
    averaging = averaging_of(a)
    averaging.require_faults(tasks_of(a))
    volume = open_volume(a.input, shape_of(a), intact=False)
    network = load_network(a.model, "infer", tasks_of(a))
    predict(network, image_source(volume), tasks_of(a), a, averaging)


if __name__ == "__main__":
    run(main)
