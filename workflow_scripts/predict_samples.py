"""Predict the attributes of training samples, as inputs for the refinement network."""

from pathlib import Path

from strataflow.cli.arguments import Parser, run, shape_of, tasks_of
from strataflow.cli.prediction import add_inference, tiling_of
from strataflow.network.weights import load_network
from strataflow.prediction.predict import predict_samples
from strataflow.samples.files import sample_path
from strataflow.volume.raw import infer_shape


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="folder of the images, I.bin")
    parser.add_argument("--output", type=Path, required=True, help="folder for the attributes")
    add_inference(parser)
    a = parser.parse_args()
    tasks = tasks_of(a)
    shape = shape_of(a) or infer_shape(sample_path(a.input, 0))
    network = load_network(a.model, "infer", tasks)
    predict_samples(network, a.input, a.output, tasks, tiling_of(a), shape)


if __name__ == "__main__":
    run(main)
