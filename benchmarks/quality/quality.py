"""Score weights on a fixed set: held-out and independent synthetic cubes, and real data if there.

`make quality WEIGHTS=data/pretrained/infer.pth` writes table.csv, table.md, pieces.csv and
picture.png to results/quality/NAME/.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow_scripts"))

from cases import Case, QualitySet, quality_set, read_peer
from picture import FieldSurvey, draw
from report import write_tables
from scores import NOTHING, Attributes, Piece, Reliability, field_row, labelled_row, reliability_of

from strataflow.cli.arguments import Parser, run
from strataflow.errors import StrataflowError
from strataflow.files import scratch_folder
from strataflow.network.model import MultiTaskNetwork
from strataflow.network.weights import load_network
from strataflow.prediction.predict import predict_volume
from strataflow.prediction.sources import attribute_source, image_source
from strataflow.prediction.tiling import Tiling
from strataflow.volume.attributes import attributes_of
from strataflow.volume.volume import attribute_path, open_volume, statistics_of

REPOSITORY = Path(__file__).resolve().parents[2]

# As a user predicts: in bf16 where the hardware has it.
TILING = Tiling()


@dataclass
class Scores:
    """What a run has found: rows of the table, pieces on the field survey, and what is drawn."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    pieces: list[dict[str, Any]] = field(default_factory=list)
    diagrams: dict[str, dict[str, Reliability]] = field(default_factory=dict)
    probabilities: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def add(
        self,
        case: Case,
        weights: str,
        predicted: list[Attributes],
        given: QualitySet,
        seconds: float | None = None,
    ) -> None:
        """Score what `weights` predict of all images of `case`."""
        row: dict[str, Any] = {"case": case.name, "kind": case.kind, "weights": weights}
        row |= {"cubes": len(case.images), "negative": case.negative, "seconds": seconds}
        if case.kind == "field":
            live = open_volume(case.images[0], intact=False).sidecar.live
            scores, pieces = field_row(predicted[0]["fsem"], given.peer, live)
            self.pieces += [{"weights": weights} | _placed(piece) for piece in pieces]
            self.probabilities[weights] = predicted[0]["fsem"]
        else:
            truth = case.truths()
            scores = labelled_row(predicted, truth, case.negative)
            drawn = self.diagrams.setdefault(case.kind, {})
            drawn[weights] = drawn.get(weights, NOTHING) + reliability_of(predicted, truth)
        self.rows.append(row | scores)


def _placed(piece: Piece) -> dict[str, int]:
    """Size and box of a piece as a row of a table, in lines and samples from 0."""
    row = {"voxels": piece.voxels}
    for name, first, last in zip(
        ("inline", "crossline", "sample"), piece.first, piece.last, strict=True
    ):
        row |= {f"{name}_from": first, f"{name}_to": last}
    return row


def load_weights(paths: list[Path]) -> dict[str, MultiTaskNetwork]:
    """The networks of weights files by name: the folder and the file, as far as that is unique."""
    networks: dict[str, MultiTaskNetwork] = {}
    names = [f"{path.resolve().parent.name}/{path.stem}" for path in paths]
    for path, name in zip(paths, names, strict=True):
        network = load_network(path, "infer", ())
        if "fault" not in network.architecture.tasks:
            raise StrataflowError(f"{path}: has no task fault, so that there is nothing to score")
        networks[name if names.count(name) == 1 else str(path)] = network
    return networks


def predictions(
    case: Case, network: MultiTaskNetwork, refiner: MultiTaskNetwork | None, folder: Path
) -> Iterator[tuple[list[Attributes], float]]:
    """The attributes of all images of `case` after inference, then, if wanted, after refinement.

    With the seconds that it took.
    """
    tasks = network.architecture.tasks
    prefixes = [folder / f"inferred_{number}" for number in range(len(case.images))]
    start = time.monotonic()
    for image, prefix in zip(case.images, prefixes, strict=True):
        source = image_source(open_volume(image, case.shape, intact=False))
        predict_volume(network, source, prefix, tasks, TILING, show_progress=False)
    yield [_read(prefix, tasks) for prefix in prefixes], time.monotonic() - start
    if refiner is None:
        return
    start = time.monotonic()
    refined_tasks = refiner.architecture.tasks
    refined = [folder / f"refined_{number}" for number in range(len(case.images))]
    for prefix, output in zip(prefixes, refined, strict=True):
        source = attribute_source(prefix, refined_tasks)
        predict_volume(refiner, source, output, refined_tasks, TILING, show_progress=False)
    found = [_read(prefix, refined_tasks) for prefix in refined]
    yield found, time.monotonic() - start


def _read(prefix: Path, tasks: tuple[str, ...]) -> Attributes:
    return {
        name: np.array(open_volume(attribute_path(prefix, name), intact=False).values)
        for name in attributes_of(tasks)
    }


def score(
    given: QualitySet,
    networks: dict[str, MultiTaskNetwork],
    refiner: MultiTaskNetwork | None,
    folder: Path,
) -> Scores:
    """Score all `networks` on all cases of `given`; predictions lie in `folder` meanwhile."""
    scores = Scores()
    for case in given.cases:
        for name, network in networks.items():
            found = predictions(case, network, refiner, folder)
            for weights, (predicted, seconds) in zip(
                (name, f"{name} + refine"), found, strict=False
            ):
                print(f"{case.name}: {weights}: {seconds:.1f} s", flush=True)
                scores.add(case, weights, predicted, given, seconds)
        if case.kind == "field" and given.peer is not None:
            scores.add(case, "peer", [{"fsem": given.peer}], given)
    return scores


def _survey(given: QualitySet, scores: Scores) -> FieldSurvey | None:
    """What is drawn of the field survey, None where it is not there."""
    for case in given.cases:
        if case.kind == "field":
            volume = open_volume(case.images[0], intact=False)
            image = statistics_of(volume).normalise(volume.values)
            return FieldSurvey(image, scores.probabilities)
    return None


def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="of inference")
    parser.add_argument("--refine", type=Path, help="weights of refinement, to score as well")
    parser.add_argument("--peer", type=Path, help="npz file of a peer on the field survey")
    parser.add_argument("--name", help="folder of the results; by default after the weights")
    parser.add_argument(
        "--config", type=Path, default=REPOSITORY / "config" / "pretrained.yaml", help="scenarios"
    )
    parser.add_argument(
        "--shared",
        type=Path,
        default=REPOSITORY.parent / "shared" / "data",
        help="real data; what is not there is left out",
    )
    parser.add_argument("--output", type=Path, default=Path("results/quality"), help="folder")
    a = parser.parse_args()
    networks = load_weights(a.weights)
    refiner = load_network(a.refine, "refine", ()) if a.refine else None
    peer = read_peer(a.peer) if a.peer else None
    given = quality_set(a.config, a.shared, a.output / "set", peer)
    folder = a.output / (a.name or "+".join(networks).replace("/", "-").strip("-."))
    with scratch_folder(folder) as scratch:
        scores = score(given, networks, refiner, scratch)
    write_tables(folder, scores.rows, scores.pieces, given.left_out)
    draw(folder / "picture.png", scores.diagrams, _survey(given, scores))
    print(f"{folder / 'table.md'}, {folder / 'picture.png'}")


if __name__ == "__main__":
    run(main)
