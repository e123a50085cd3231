"""Location of the workflow files: Snakefile, rules, profiles and shipped weights."""

from __future__ import annotations

from pathlib import Path


def home() -> Path:
    """Return the checkout of this library, or the copy of its files in the installed package."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "Snakefile").is_file() else Path(__file__).with_name("_home")


def shipped_weights(network: str) -> Path:
    """Return the path of the shipped weights of a network, infer or refine."""
    return home() / "data" / "pretrained" / f"{network}.pth"
