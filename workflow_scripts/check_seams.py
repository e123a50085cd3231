"""Measure tile artifacts in predictions: steps at tile borders, and changes under a shift."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_probability, run, shape_of, tasks_of
from strataflow.cli.prediction import add_averaging, add_inference, averaging_of, tiling_of
from strataflow.network.weights import load_network
from strataflow.prediction.tile_artifacts import check_seams
from strataflow.volume.volume import open_volume


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="raw volume of the image")
    parser.add_argument(
        "--prediction", type=Path, required=True, help="PREFIX of the output of infer.py"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="table to write, X.csv; also writes X.png"
    )
    add_inference(parser)
    add_averaging(parser, uncertainty=False)
    add_probability(parser)
    a = parser.parse_args()
    tasks = tasks_of(a)
    network = load_network(a.model, "infer", tasks)
    image = open_volume(a.input, shape_of(a))
    check_seams(
        *(image, a.prediction, network, tasks, tiling_of(a), a.output),
        averaging=averaging_of(a),
        probability=a.probability,
    )


if __name__ == "__main__":
    run(main)
