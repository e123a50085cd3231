"""What the scripts that make synthetic data share: a flag for each setting of a scenario."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from .scenario import Scenario


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting of a scenario; a range takes two numbers."""
    group = parser.add_argument_group("what may happen in a synthetic survey")
    for setting in fields(Scenario):
        is_range = isinstance(setting.default, tuple)
        group.add_argument(
            f"--{setting.name}",
            type=float,
            nargs=2 if is_range else None,
            metavar=("LEAST", "GREATEST") if is_range else "NUMBER",
            default=setting.default,
            help=setting.metadata["what"],
        )


def scenario_of(arguments: argparse.Namespace) -> Scenario:
    """The scenario that was given; StrataflowError where a setting is out of its limits."""
    given: dict[str, Any] = {
        setting.name: getattr(arguments, setting.name) for setting in fields(Scenario)
    }
    return Scenario(**given)
