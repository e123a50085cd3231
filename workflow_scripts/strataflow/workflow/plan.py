"""What Snakemake would do, one line a job: `python -m strataflow.workflow.plan TARGET`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from ..errors import StrataflowError


def snakemake_environment() -> dict[str, str]:
    """The environment of Snakemake: jobs call `python`, which must be the one of this library."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path}


def plan(command: list[str]) -> list[str]:
    """The jobs that the Snakemake `command` would run, with the first reason of each.

    Raises:
        StrataflowError: Snakemake's last line, where it cannot make a plan.
    """
    done = subprocess.run(
        command, env=snakemake_environment(), capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode:
        raise StrataflowError(said.strip().splitlines()[-1] if said.strip() else "no plan")
    found = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", said, re.MULTILINE)
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
