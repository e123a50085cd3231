"""Refine the predicted attributes of a volume with the refinement network (MTR)."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_probability, add_shape, positive, run, shape_of
from strataflow.cli.prediction import add_slab, add_tiling, predict, tiling_of
from strataflow.errors import StrataflowError
from strataflow.network.weights import load_network
from strataflow.prediction.predict import refine_volume
from strataflow.prediction.sources import attribute_source


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="PREFIX of the attributes")
    parser.add_argument("--model", type=Path, required=True, help="weights, X.ckpt or X.pth")
    parser.add_argument(
        "--output", type=Path, required=True, help="PREFIX of the refined attributes"
    )
    parser.add_argument("--iterations", type=positive, default=1, help="number of refinements")
    add_tiling(parser)
    add_probability(parser)
    add_slab(parser)
    add_shape(parser)
    a = parser.parse_args()
    network = load_network(a.model, "refine", ())
    if a.slab is None:
        refine_volume(
            *(network, a.input, a.output, a.iterations, tiling_of(a), shape_of(a)), a.probability
        )
        return
    if a.iterations > 1:
        raise StrataflowError("--slab: requires --iterations 1, as each iteration needs all slabs")
    tasks = network.architecture.tasks
    source = attribute_source(a.input, tasks, shape_of(a), a.probability)
    predict(network, source, tasks, a)


if __name__ == "__main__":
    run(main)
