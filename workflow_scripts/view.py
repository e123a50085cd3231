"""Show a predicted volume in the browser: linked sections, picked faults and horizons, and 3D."""

from pathlib import Path

from strataflow.cli.arguments import Parser, add_probability, not_negative, run
from strataflow.figures.viewer.folder import open_folder
from strataflow.figures.viewer.server import HOST, make_server


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument(
        "folder", type=Path, help="output folder of strataflow run, or results/predictions/VOLUME"
    )
    parser.add_argument(
        "--image",
        type=Path,
        help="raw volume of the input image, X.bin; found by itself beside results/predictions",
    )
    parser.add_argument(
        "--port", type=not_negative, default=5006, help="port to serve on; 0 for any free port"
    )
    add_probability(parser)
    a = parser.parse_args()
    server, port = make_server(open_folder(a.folder, a.image), a.port, a.probability)
    server.start()
    print(f"http://{HOST}:{port}/ (press Ctrl+C to stop)", flush=True)
    server.run_until_shutdown()


if __name__ == "__main__":
    run(main)
