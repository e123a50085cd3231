"""The `strataflow` command: `run` interprets surveys, and each stage is a subcommand."""

from __future__ import annotations

import ast
import difflib
import runpy
import sys
from pathlib import Path

from .. import __version__
from ..home import home
from . import arguments, run

# Subcommands whose name differs from the name of their script.
SHORT_NAMES = {"inspect_segy": "inspect"}


def scripts() -> dict[str, Path]:
    """Return the script of each stage by subcommand."""
    found = sorted((home() / "workflow_scripts").glob("*.py"))
    return {SHORT_NAMES.get(path.stem, path.stem).replace("_", "-"): path for path in found}


def main() -> None:
    """Run the subcommand in `sys.argv` with the flags of its script."""
    name, *words = sys.argv[1:] or ["--help"]
    stages = scripts()
    if name in ("-h", "--help"):
        print(_help(stages))
    elif name == "--version":
        print(f"strataflow {__version__}")
    elif name == "run":
        arguments.program = "strataflow run"
        sys.argv = [sys.argv[0], *words]
        arguments.run(run.main)
    elif (stage := name.replace("_", "-")) in stages:
        script = stages[stage]
        arguments.program = f"strataflow {stage}"
        # Set argv as if the script had been called: training starts its other processes from it.
        sys.argv = [str(script), *words]
        runpy.run_path(str(script), run_name="__main__")
    else:
        near = difflib.get_close_matches(name, ["run", *stages], 1)
        hint = f"did you mean {near[0]!r}?" if near else "see strataflow --help"
        sys.stderr.write(f"strataflow: error: unknown command {name!r}; {hint}\n")
        sys.exit(2)


def _help(stages: dict[str, Path]) -> str:
    width = max(map(len, stages))
    lines = [f"  {name:{width}}  {_summary(path)}" for name, path in stages.items()]
    return "\n".join(
        [
            "usage: strataflow COMMAND ...",
            "",
            "Predict faults with dip and strike, relative geologic time and a denoised image from"
            " 3D seismic surveys.",
            "",
            "complete interpretation:",
            f"  {'run':{width}}  {(run.__doc__ or '').splitlines()[0]}",
            "",
            "single stages (strataflow COMMAND --help shows the flags):",
            *lines,
        ]
    )


def _summary(script: Path) -> str:
    """Return the first paragraph of the docstring of a script."""
    text = ast.get_docstring(ast.parse(script.read_text())) or ""
    return text.split("\n\n")[0].replace("\n", " ")
