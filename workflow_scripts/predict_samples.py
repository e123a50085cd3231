"""Predict the attributes of samples, which the refinement network learns to correct."""

from pathlib import Path

from strataflow.cli import Parser, add_shape, add_tasks, run, shape_of, tasks_of
from strataflow.prediction import predict_samples
from strataflow.prediction_cli import add_tiling, tiling_of
from strataflow.samples import infer_shape, sample_path
from strataflow.weights import load_network


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="folder of the images, I.bin")
    parser.add_argument("--model", type=Path, required=True, help="weights, X.ckpt or X.pth")
    parser.add_argument("--output", type=Path, required=True, help="folder of the attributes")
    add_tasks(parser)
    add_tiling(parser)
    add_shape(parser)
    a = parser.parse_args()
    tasks = tasks_of(a)
    shape = shape_of(a) or infer_shape(sample_path(a.input, 0))
    network = load_network(a.model, "infer", tasks)
    predict_samples(network, a.input, a.output, tasks, tiling_of(a), shape)


if __name__ == "__main__":
    run(main)
