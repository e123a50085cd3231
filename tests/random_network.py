"""Networks of random weights, small enough for tests."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from strataflow.network.architecture import NEWEST_DESIGN, Architecture
from strataflow.network.model import MultiTaskNetwork

TASKS = ("dhr", "rgt", "fault")


def network(
    kind: str = "infer", tasks: tuple[str, ...] = TASKS, design: int = NEWEST_DESIGN
) -> MultiTaskNetwork:
    """A network of random weights, the same each time."""
    torch.manual_seed(0)
    made = MultiTaskNetwork(Architecture(kind, "small", tasks, design))
    # A fresh batch norm has a variance that no data had.
    made.train()
    with torch.no_grad():
        for _ in range(3):
            made(torch.randn(1, max(c.stop for c in made.architecture.inputs.values()), 32, 32, 32))
    return made.eval()


def stored(made: MultiTaskNetwork, path: Path) -> Path:
    """Write `made` as a checkpoint would be."""
    architecture = asdict(made.architecture) | {"tasks": list(TASKS)}
    state = {f"network.{k}": v for k, v in made.state_dict().items()}
    torch.save({"hyper_parameters": {"architecture": architecture}, "state_dict": state}, path)
    return path
