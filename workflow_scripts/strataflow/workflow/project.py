"""A folder with an interpretation of its own: sample sheet, configuration and results."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ..errors import StrataflowError
from ..files import written_whole
from ..home import home
from ..segy.choice import choose_header_bytes
from .configuration import read_sheet, require_configuration

CONFIGURATION, SHEET = "config/config.yaml", "config/volumes.tsv"

# What training on synthetic samples takes: hours on a CPU, minutes on a GPU.
TRAINING = {"training.epochs": 10, "synthetic.train": 40, "synthetic.valid": 4}
NO_TRAINING = {"training.epochs": 0, "synthetic.train": 0, "synthetic.valid": 0}

HEADER = """\
# Written by `strataflow run`, which changes only the keys that its options name.
# Edit it as you like; the configuration reference explains each key.
"""


def prepare(
    folder: Path,
    surveys: Sequence[Path],
    header_bytes: Mapping[str, int | str],
    settings: dict[str, Any],
    train: bool | None,
) -> None:
    """Write the sample sheet and the configuration of an interpretation into `folder`.

    What is there already stays, but for the surveys and settings given.

    Args:
        folder: where the interpretation lies; made if it does not exist.
        surveys: SEG-Y files to interpret. With none, the sheet must be there already.
        header_bytes: byte positions for `surveys` that the user has chosen, by `iline`, `xline`,
            `cdp_x`, `cdp_y`; the others are found in the files.
        settings: values of configuration keys given as `section.key`.
        train: whether to train first; None leaves it as it is, which is no at the start.

    Raises:
        StrataflowError: a survey is missing, damaged or not a grid; an unknown key, or a value that
            does not fit.
    """
    config = _configuration(folder / CONFIGURATION, settings, train)
    rows = _rows(folder / SHEET, surveys, header_bytes)
    text = HEADER + yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=100)
    _write(folder / CONFIGURATION, text)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    sheet = pd.DataFrame(rows, columns=columns).fillna("").to_csv(sep="\t", index=False)
    _write(folder / SHEET, sheet)


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Put the sheet and the configuration of `folder` back as they were when the block ends."""
    new = not folder.exists()
    files = [folder / name for name in (CONFIGURATION, SHEET)]
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    try:
        yield
    finally:
        for path, content in before.items():
            if content is not None:
                path.write_bytes(content)
            else:
                path.unlink(missing_ok=True)
        if new and folder.exists():
            shutil.rmtree(folder)


def parse_setting(text: str) -> tuple[str, Any]:
    """`section.key=value` as the key and the value, which is read as YAML.

    Raises:
        StrataflowError: no key, no value, or a value that is not YAML.
    """
    key, mark, value = text.partition("=")
    if not mark or not re.fullmatch(r"[a-z_]+(\.[A-Za-z0-9_-]+)*", key):
        raise StrataflowError(f"--set {text}: expected KEY=VALUE, such as training.epochs=0")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise StrataflowError(f"--set {text}: {value!r} is not a YAML value") from None


def _configuration(path: Path, settings: dict[str, Any], train: bool | None) -> dict[str, Any]:
    """The configuration at `path`, or the shipped one for a new folder, with changes."""
    changes = dict(TRAINING if train else {} if train is None else NO_TRAINING)
    if path.is_file():
        config = _read(path)
    else:
        config = _read(home() / CONFIGURATION)
        config["synthetic"]["surveys"] = {}
        config["training"]["init_weights"] = str((home() / "data" / "pretrained").resolve())
        changes = NO_TRAINING | changes
    for key, value in (changes | settings).items():
        *sections, name = key.split(".")
        section = config
        for part in sections:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise StrataflowError(f"--set {key}: {part!r} has no keys below it")
        section[name] = value
    complete = yaml.safe_load(yaml.safe_dump(config))
    require_configuration(complete)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StrataflowError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise StrataflowError(f"{path}: expected keys with values")
    return content


def _rows(
    path: Path, surveys: Sequence[Path], given: Mapping[str, int | str]
) -> list[dict[str, str]]:
    """The rows of the sheet at `path`, with `surveys` added or changed."""
    rows = read_sheet(path) if path.is_file() else {}
    if not surveys and not rows:
        raise StrataflowError(f"{path.parent.parent}: no survey here yet; name at least one SEG-Y")
    for survey in surveys:
        if not survey.is_file():
            raise StrataflowError(f"{survey}: no such file")
        place = str(survey.resolve())
        name = next((n for n, row in rows.items() if row["segy"] == place), None)
        if name is None:
            name = _free_name(survey.stem, rows)
            rows[name] = {"volume": name, "segy": place}
        elif not given:
            # It was inspected before, and the sheet may have been edited since.
            continue
        where = choose_header_bytes(survey, given)
        rows[name] |= {key: str(byte) for key, byte in vars(where).items()}
    return list(rows.values())


def _free_name(stem: str, taken: dict[str, Any]) -> str:
    """A volume name like `stem` that no other volume has."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_-") or "survey"
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _write(path: Path, text: str) -> None:
    """Write `text` unless the file holds it already, so that nothing is rerun without a reason."""
    if not path.is_file() or path.read_text() != text:
        with written_whole(path) as (temporary,):
            temporary.write_text(text)
