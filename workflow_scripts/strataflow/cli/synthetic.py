"""What the scripts that make synthetic data share: a flag for each setting of a scenario."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from typing import Any

from ..errors import StrataflowError
from ..synthetic.scenario import Scenario


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


def scenario_of(arguments: argparse.Namespace, **others: Any) -> Scenario:
    """The scenario that was given, but for `others`; StrataflowError where it is out of limits."""
    given = {setting.name: getattr(arguments, setting.name) for setting in fields(Scenario)}
    return Scenario(**given | others)


def add_scenarios(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `add_scenario`, and several scenarios that samples take in turn."""
    add_scenario(parser)
    parser.add_argument(
        "--scenarios",
        nargs="+",
        default=["{}"],
        metavar="JSON",
        help="settings that differ from the above, as JSON; samples take these in turn",
    )


def scenarios_of(arguments: argparse.Namespace) -> list[Scenario]:
    """The scenarios that samples take in turn; StrataflowError where one is none."""
    scenarios = []
    for text in arguments.scenarios:
        try:
            scenarios.append(scenario_of(arguments, **json.loads(text)))
        except (ValueError, TypeError) as error:
            raise StrataflowError(f"scenarios: {text}: {error}") from error
    return scenarios
