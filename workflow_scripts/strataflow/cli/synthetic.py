"""Flags that synthesize.py and synthesize_survey.py share: one for each scenario setting."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from typing import Any

from ..errors import StrataflowError
from ..synthetic.scenario import Scenario


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting of a scenario. A range takes two numbers."""
    group = parser.add_argument_group("synthetic geology and imaging")
    for setting in fields(Scenario):
        is_range = isinstance(setting.default, tuple)
        group.add_argument(
            f"--{setting.name}",
            type=float,
            nargs=2 if is_range else None,
            metavar=("MIN", "MAX") if is_range else "NUMBER",
            default=setting.default,
            help=setting.metadata["what"],
        )


def scenario_of(arguments: argparse.Namespace, **others: Any) -> Scenario:
    """Return the scenario from the flags, with `others` replacing single settings.

    Raises:
        StrataflowError: A setting is out of its limits.
    """
    given = {setting.name: getattr(arguments, setting.name) for setting in fields(Scenario)}
    return Scenario(**given | others)


def add_scenarios(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `add_scenario`, and --scenarios."""
    add_scenario(parser)
    parser.add_argument(
        "--scenarios",
        nargs="+",
        default=["{}"],
        metavar="JSON",
        help="scenarios as JSON objects of the settings that differ from the flags; samples use the"
        " scenarios in turn",
    )


def scenarios_of(arguments: argparse.Namespace) -> list[Scenario]:
    """Return the scenarios from --scenarios. Raise StrataflowError if one is invalid."""
    scenarios = []
    for text in arguments.scenarios:
        try:
            scenarios.append(scenario_of(arguments, **json.loads(text)))
        except (ValueError, TypeError) as error:
            raise StrataflowError(f"--scenarios: {text}: {error}") from error
    return scenarios
