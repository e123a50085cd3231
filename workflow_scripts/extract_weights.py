"""Extract the weights from a checkpoint, with the metadata that rebuilds the network."""

from pathlib import Path

from strataflow.cli.arguments import Parser, above_zero, run
from strataflow.network.extraction import write_weights


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="epoch=N.ckpt or last.ckpt")
    parser.add_argument("--output", type=Path, required=True, help="weights to write, X.pth")
    parser.add_argument(
        "--initial", type=Path, help="weights that the training started from, for --share"
    )
    parser.add_argument(
        "--share",
        type=above_zero,
        default=1.0,
        help="write the mean of the trained weights, with this share, and the --initial ones",
    )
    a = parser.parse_args()
    if a.share < 1 and a.initial is None:
        parser.error("--share below 1 needs --initial")
    if a.share == 1 and a.initial is not None:
        parser.error("--initial needs --share below 1")
    write_weights(a.checkpoint, a.output, a.initial, a.share)


if __name__ == "__main__":
    run(main)
