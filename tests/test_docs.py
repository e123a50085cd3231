"""What the documentation says: its commands run, its reference is that of the schema."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PREDICTING, REPOSITORY, Workflow, snakemake_environment

# The viewer serves until it is stopped, which is how this ends.
STOPPED = 124


def commands(page: str) -> list[str]:
    """Lines of the page's blocks of commands, those that go on on the next line joined."""
    blocks = re.findall(r"```bash\n(.*?)```", (REPOSITORY / page).read_text(), re.DOTALL)
    return "".join(blocks).replace("\\\n", " ").splitlines()


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(tiny: Callable[..., Workflow]) -> None:
    flow = tiny(PREDICTING)
    for command in commands("docs/tutorial.md"):
        expected, called, environment = 0, command, snakemake_environment()
        if "view.py" in command:
            expected, called = STOPPED, f"timeout 15 {command}"
        elif command.startswith("pvpython"):
            if not (shutil.which("pvpython") and shutil.which("xvfb-run")):
                continue
            called = f"xvfb-run -a {command}"
            environment = {"PATH": "/usr/bin:/bin", "HOME": str(flow.folder)}
        done = subprocess.run(
            ["bash", "-c", called],
            cwd=flow.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == expected, f"{command}\n{done.stdout}\n{done.stderr}"
    assert (flow.folder / "results" / "predictions" / "mine" / "mine.fsem.sgy").is_file()
    assert shutil.which("pvpython") is None or (flow.folder / "mine.pvsm").is_file()


def test_the_reference_of_the_configuration_is_that_of_the_schema(tmp_path: Path) -> None:
    made = tmp_path / "configuration.md"
    script = REPOSITORY / "docs" / "make_configuration.py"
    subprocess.run([sys.executable, script, "--output", made], check=True, timeout=60)
    assert made.read_text() == (REPOSITORY / "docs" / "configuration.md").read_text()
