"""Generate a labelled synthetic survey as SEG-Y: image, attributes, and faults one by one."""

import os
from pathlib import Path

from strataflow.cli.arguments import (
    Parser,
    add_shape,
    not_negative,
    positive,
    run,
)
from strataflow.cli.synthetic import add_scenario, scenario_of
from strataflow.synthetic.survey import synthesize_survey
from strataflow.volume.raw import Shape


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the SEG-Y files")
    parser.add_argument(
        "--seed", type=not_negative, default=1, help="random seed; same seed, same survey"
    )
    parser.add_argument(
        "--workers", type=positive, default=os.cpu_count(), help="number of processes"
    )
    add_shape(parser, default=192)
    add_scenario(parser)
    a = parser.parse_args()
    synthesize_survey(a.output, Shape(a.n1, a.n2, a.n3), a.seed, a.workers, scenario_of(a))


if __name__ == "__main__":
    run(main)
