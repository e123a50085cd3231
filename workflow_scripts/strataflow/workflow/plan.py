"""List the jobs that Snakemake would run: `python -m strataflow.workflow.plan TARGET`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from ..errors import StrataflowError


def snakemake_environment() -> dict[str, str]:
    """Return the environment of Snakemake, in which `python` runs the current interpreter."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path}


def plan(command: list[str]) -> list[str]:
    """Return the jobs that a Snakemake `command` would run, one line each with its first reason.

    Raises:
        StrataflowError: The dry run fails. The message is the last line of Snakemake.
    """
    done = subprocess.run(
        command, env=snakemake_environment(), capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    if done.returncode:
        raise StrataflowError(
            output.strip().splitlines()[-1] if output.strip() else "snakemake --dry-run failed"
        )
    found = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", output, re.MULTILINE)
    jobs = []
    for rule, lines in found:
        details = dict(line.strip().split(": ", 1) for line in lines.splitlines() if ": " in line)
        wildcards = details.get("wildcards", "")
        words = re.findall(r"(?:volume|attribute|iteration)=[^,]+", wildcards)
        reason = details.get("reason", "").split(":")[0].lower()
        jobs.append(f"{rule:16} {' '.join(words)}  ({reason})")
    return [*jobs, f"{len(jobs)} jobs would run" if jobs else "nothing to do"]


if __name__ == "__main__":
    words = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--", *sys.argv[1:]]
    try:
        print("\n".join(plan(words)))
    except StrataflowError as error:
        sys.exit(str(error))
