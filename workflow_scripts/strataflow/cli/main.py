"""The command `strataflow`: `run` for a whole interpretation, and each stage as a subcommand."""

from __future__ import annotations

import ast
import difflib
import runpy
import sys
from pathlib import Path

from .. import __version__
from ..home import home
from . import arguments, run

# Subcommands that are not called like their script.
SHORT_NAMES = {"inspect_segy": "inspect"}


def scripts() -> dict[str, Path]:
    """The script of each stage by the name of its subcommand."""
    found = sorted((home() / "workflow_scripts").glob("*.py"))
    return {SHORT_NAMES.get(path.stem, path.stem).replace("_", "-"): path for path in found}


def main() -> None:
    """Run the subcommand that `sys.argv` names; its flags are those of the script."""
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
        # As if the script had been called: training starts its further processes by this name.
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
            "3D seismic surveys to faults, dip and strike, relative geologic time and a denoised"
            " image.",
            "",
            "a whole interpretation:",
            f"  {'run':{width}}  {(run.__doc__ or '').splitlines()[0]}",
            "",
            "its stages, one by one (strataflow COMMAND --help shows the flags):",
            *lines,
        ]
    )


def _summary(script: Path) -> str:
    """The first sentence of a script's docstring."""
    text = ast.get_docstring(ast.parse(script.read_text())) or ""
    return text.split("\n\n")[0].replace("\n", " ")
