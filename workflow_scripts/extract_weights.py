"""Extract the weights from a checkpoint, with the metadata that rebuilds the network."""

from pathlib import Path

from strataflow.cli.arguments import Parser, run
from strataflow.network.weights import write_weights


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="epoch=N.ckpt or last.ckpt")
    parser.add_argument("--output", type=Path, required=True, help="weights to write, X.pth")
    arguments = parser.parse_args()
    write_weights(arguments.checkpoint, arguments.output)


if __name__ == "__main__":
    run(main)
