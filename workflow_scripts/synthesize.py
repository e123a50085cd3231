"""Generate labelled synthetic samples: images, targets and inputs of the refinement network."""

import os

from strataflow.cli.arguments import (
    Parser,
    add_shape,
    not_negative,
    positive,
    run,
)
from strataflow.cli.folders import add_folders, folders_of
from strataflow.cli.synthetic import add_scenarios, scenarios_of
from strataflow.synthetic.generate import synthesize_samples
from strataflow.volume.raw import Shape


def main() -> None:
    parser = Parser(__doc__)
    add_folders(parser)
    parser.add_argument("--ntrain", type=not_negative, default=8, help="number for training")
    parser.add_argument("--nvalid", type=not_negative, default=2, help="number for validation")
    parser.add_argument(
        "--seed", type=not_negative, default=1, help="random seed; same seed, same samples"
    )
    parser.add_argument(
        "--workers", type=positive, default=os.cpu_count(), help="number of processes"
    )
    add_shape(parser, default=128)
    add_scenarios(parser)
    a = parser.parse_args()
    counts = {"train": a.ntrain, "valid": a.nvalid}
    shape = Shape(a.n1, a.n2, a.n3)
    synthesize_samples(folders_of(a), counts, shape, a.seed, a.workers, scenarios_of(a))


if __name__ == "__main__":
    run(main)
