"""The documentation holds: commands run, links lead to files, quoted errors are in the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PREDICTING, REPOSITORY, Workflow, snakemake_environment

TUTORIAL = "docs/tutorial/first_survey.md"
TROUBLESHOOTING = "docs/how-to/troubleshooting.md"
# What sets up, what edits, and what a cluster answers.
NOT_RUN = ("git clone", "pip install", "pre-commit", "sinfo", "$EDITOR", "source")
# Both serve until they are stopped, which is how this ends.
SERVERS = ("view.py", "tensorboard")
STOPPED = 124


def commands(page: str) -> list[str]:
    """Commands of the page's blocks of commands, those that go on on the next lines joined."""
    text = (REPOSITORY / page).read_text()
    found = []
    for indent, block in re.findall(r"^( *)```bash\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        lines = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE).replace("\\\n", " ")
        # A document that a command is given goes to the line that ends it.
        found += re.findall(r"^(?:.*<<END\n(?:.*\n)*?END|.+)$", lines, re.MULTILINE)
    return found


def pages() -> list[str]:
    """All pages of the documentation."""
    found = [path.relative_to(REPOSITORY) for path in REPOSITORY.glob("*.md")]
    for folder in ("config", "data", "docs"):
        found += [path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).rglob("*.md")]
    return sorted(str(path) for path in found)


def pages_with_commands() -> list[str]:
    """All pages that have commands but the tutorial, which goes first."""
    return [name for name in pages() if commands(name) and name != TUTORIAL]


def done_as_printed(flow: Workflow, command: str) -> None:
    """Run a command in the folder of `flow`; what needs ParaView only where that is."""
    expected, environment = 0, snakemake_environment()
    if any(server in command for server in SERVERS):
        expected, command = STOPPED, f"timeout 15 {command.removeprefix('timeout 20 ')}"
    elif command.startswith("pvpython"):
        if not (shutil.which("pvpython") and shutil.which("xvfb-run")):
            return
        command = f"xvfb-run -a -s '-screen 0 1280x1024x24 -noreset' {command}"
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(flow.folder)}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=flow.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == expected, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def taught(tiny: Callable[..., Workflow]) -> Workflow:
    """A workflow in which the tutorial has been followed, command by command."""
    flow = tiny(PREDICTING)
    for command in commands(TUTORIAL):
        done_as_printed(flow, command)
    return flow


@pytest.fixture(scope="module")
def furnished(taught: Workflow) -> Workflow:
    """The same with what the other pages take for granted."""
    folder = taught.folder
    shutil.copy(folder / "mine" / "image.sgy", folder / "survey.sgy")
    convert = "python workflow_scripts/segy_to_binary.py --input survey.sgy --output survey.bin"
    done_as_printed(taught, convert)
    files = (REPOSITORY / "Makefile", REPOSITORY / "pyproject.toml")
    for path in (*files, *REPOSITORY.glob("requirements*.txt")):
        shutil.copy(path, folder)
    points = "inline,crossline,time\n1001,2001,100\n1002,2001,104\n"
    (folder / "horizons").mkdir()
    (folder / "horizons" / "top.csv").write_text(points)
    (folder / "tops.csv").write_text("set,inline,crossline,time\ntop,1001,2001,100\n")
    (folder / "my").mkdir()
    shutil.copy(folder / "config" / "config.yaml", folder / "my")
    for sheet in ("my.tsv", "my/volumes.tsv"):
        shutil.copy(folder / "mine.tsv", folder / sheet)
    return taught


@pytest.mark.workflow
def test_the_tutorial_does_what_it_says(taught: Workflow) -> None:
    assert (taught.folder / "results" / "predictions" / "mine" / "mine.fsem.sgy").is_file()
    assert shutil.which("pvpython") is None or (taught.folder / "mine.pvsm").is_file()


@pytest.mark.workflow
@pytest.mark.parametrize("page", pages_with_commands())
def test_the_commands_of_a_page_run(furnished: Workflow, page: str) -> None:
    for printed in commands(page):
        # The tutorial's survey stands for the demo.
        command = re.sub(r"\bdemo\b", "mine", printed)
        if any(word in command for word in NOT_RUN):
            continue
        if command.startswith("make"):
            # What they do is tested elsewhere; here, that they are there.
            done_as_printed(furnished, command.replace("make", "make --dry-run", 1))
        elif command.startswith("strataflow run"):
            # The command is there where the package is installed; what it does is tested elsewhere.
            if shutil.which("strataflow", path=snakemake_environment()["PATH"]):
                done_as_printed(furnished, f"{command} --dry-run")
        elif command.startswith("snakemake"):
            # The tutorial has run one of them.
            done_as_printed(furnished, command.replace("snakemake", "snakemake --dry-run", 1))
        else:
            done_as_printed(furnished, command)


def test_the_reference_and_the_schemas_are_those_of_the_models(tmp_path: Path) -> None:
    script = REPOSITORY / "docs" / "make_configuration.py"
    subprocess.run([sys.executable, script, "--output", tmp_path], check=True, timeout=60)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.*")}
    assert len(made) == 3
    assert made == {path: (REPOSITORY / path).read_text() for path in made}


def anchors(page: Path) -> set[str]:
    """Names of the headings of a page, as links give them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", pages())
def test_the_links_of_a_page_lead_to_files_and_headings(page: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", (REPOSITORY / page).read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (REPOSITORY / page).parent / name if name else REPOSITORY / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_error_of_the_troubleshooting_page_is_in_the_code() -> None:
    files = [path for name in ("*.py", "*.smk") for path in REPOSITORY.glob(f"[rw]*/**/{name}")]
    # Literals that go on on the next line are joined.
    code = re.sub(r'"\n\s*f?"', "", "\n".join(path.read_text() for path in files))
    page = (REPOSITORY / TROUBLESHOOTING).read_text()
    messages = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)
    pieces = [piece.strip() for message in messages for piece in message.split("...")]
    assert len(messages) > 30
    assert [piece for piece in pieces if piece not in code] == []
