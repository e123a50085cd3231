"""Initial weights of a training, from a network of the same or an earlier design."""

from __future__ import annotations

from pathlib import Path

from ..errors import StrataflowError
from ..files import require_file
from .architecture import CELL
from .model import MultiTaskNetwork, grown
from .weights import architecture_of, load_state, network_state, read_checkpoint


def load_initial_weights(network: MultiTaskNetwork, path: Path) -> None:
    """Load the weights in `path`. Tasks that they lack keep their random weights.

    Raises:
        StrataflowError: The kind or the preset of the network differs.
    """
    content = read_checkpoint(require_file(path))
    given, wanted = architecture_of(content), network.architecture
    if (given.kind, given.preset) != (wanted.kind, wanted.preset):
        raise StrataflowError(
            f"{path}: initial weights of another network: expected {wanted}, got {given}"
        )
    weights, random = network_state(content), network.state_dict()
    entry = next(iter(random))
    known = weights.pop(entry)
    state = grown({k: v for k, v in weights.items() if k in random}, network)
    # In a refinement network, the first convolution has input channels for each task.
    for name in wanted.inputs.keys() & given.inputs.keys():
        to, of = (
            slice(CELL**3 * part.start, CELL**3 * part.stop)
            for part in (wanted.inputs[name], given.inputs[name])
        )
        state[entry][: len(known), to] = known[:, of].to(state[entry])
    load_state(network, state, path)
