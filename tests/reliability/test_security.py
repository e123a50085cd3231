"""Names and paths from the sheet and the configuration stay words, whatever is in them."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable

import pytest

from conftest import PREDICTING, Workflow, stopped_at_once, synthetic_row

pytestmark = pytest.mark.reliability

ODD = "$(touch owned); `touch owned` 'a' \"b\" & | > owned"


def words_after(flag: str, shown: str, script: str) -> set[str]:
    """The words that follow `flag` in the commands of a dry run that call `script`."""
    found = set()
    for line in shown.splitlines():
        _, called, command = line.partition(f"python workflow_scripts/{script}.py ")
        if called:
            words = shlex.split(command)
            found.add(words[words.index(flag) + 1])
    return found


def test_paths_reach_scripts_as_one_word(tiny: Callable[..., Workflow]) -> None:
    flow = tiny(PREDICTING | {"training.init_weights": ODD})
    shutil.copytree(flow.folder / "data" / "pretrained", flow.folder / ODD)
    (flow.folder / f"{ODD}.sgy").touch()
    flow.list_volumes(synthetic_row("south") | {"segy": f"{ODD}.sgy"})
    done = flow.run("-n", "--printshellcmds")
    assert done.returncode == 0, done.stderr
    for script, name in (("infer", "infer"), ("refine", "refine"), ("check_seams", "infer")):
        assert words_after("--model", done.stdout, script) == {f"{ODD}/{name}.pth"}
    assert f"{ODD}.sgy" in words_after("--input", done.stdout, "segy_to_binary")
    assert words_after("--template", done.stdout, "export_segy") == {f"{ODD}.sgy"}
    assert not (flow.folder / "owned").exists()


def test_weights_to_start_from_are_one_word_to_training(tiny: Callable[..., Workflow]) -> None:
    flow = tiny({"training.init_weights": ODD, "model.preset": "base"})
    shutil.copytree(flow.folder / "data" / "pretrained", flow.folder / ODD)
    done = flow.run("-n", "--printshellcmds")
    assert done.returncode == 0, done.stderr
    assert words_after("--init_weights", done.stdout, "train_infer") == {f"{ODD}/infer.pth"}
    assert words_after("--init_weights", done.stdout, "train_refine") == {f"{ODD}/refine.pth"}


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/b", "$(touch owned)", "a b", ""])
def test_a_survey_cannot_be_named_out_of_the_results(
    tiny: Callable[..., Workflow], name: str
) -> None:
    flow = tiny({"synthetic.surveys": {name: {"size": [48, 48, 40], "seed": 3}}})
    stopped_at_once(flow.run("-n"), "synthetic.surveys")


def test_a_folder_of_weights_with_a_wildcard_is_refused(tiny: Callable[..., Workflow]) -> None:
    flow = tiny({"training.init_weights": "data/{volume}"})
    stopped_at_once(flow.run("-n"), "training.init_weights")
