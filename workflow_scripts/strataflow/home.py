"""Where the workflow's own files are: Snakefile, rules, schemas, profiles, shipped weights."""

from __future__ import annotations

from pathlib import Path


def home() -> Path:
    """The checkout that this library is part of, or the copy inside the installed package."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "Snakefile").is_file() else Path(__file__).with_name("_home")


def shipped_weights(network: str) -> Path:
    """The shipped weights of a network, infer or refine."""
    return home() / "data" / "pretrained" / f"{network}.pth"
