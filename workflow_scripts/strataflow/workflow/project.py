"""The folder of `strataflow run`: sample sheet, configuration and results."""

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
from ..formats.opening import Reading, has_segy_headers, open_survey
from ..home import home
from ..interpretation.horizon_names import control_file, control_paths
from ..segy.choice import choose_header_bytes
from ..volume.raw import Shape
from .configuration import require_configuration
from .sheet import BYTE_COLUMNS, read_sheet

CONFIGURATION, SHEET = "config/config.yaml", "config/volumes.tsv"

# Settings of `--train`. Training takes hours on a CPU and minutes on a GPU.
TRAINING = {"training.epochs": 10, "synthetic.train": 40, "synthetic.valid": 4}
NO_TRAINING = {"training.epochs": 0, "synthetic.train": 0, "synthetic.valid": 0}

HEADER = """\
# Written by `strataflow run`, which changes only the keys that its options set.
# You can edit this file. The configuration reference explains each key.
"""

# Settings that name a file or a folder.
PATH_SETTINGS = ("training.init_weights",)


def prepare(
    folder: Path,
    surveys: Sequence[Path],
    given: Mapping[str, int | str | float],
    settings: dict[str, Any],
    train: bool | None,
    control: Mapping[str, str] | None = None,
) -> None:
    """Write or update the sample sheet and the configuration in `folder`.

    Existing rows and keys are kept, except for the given surveys and settings.

    Args:
        folder: Folder of the interpretation, which is created if needed.
        surveys: Files to interpret. If there are none, the sheet must exist.
        given: Columns of the sheet for `surveys`: byte positions in SEG-Y by `iline`, `xline`,
            `cdp_x`, `cdp_y`, which are detected if left out, and `n1`, `n2`, `n3`, `interval`.
        settings: Values of configuration keys by `section.key`.
        train: Whether to train first. None keeps the setting of the folder; a new folder does not
            train.
        control: Files of the columns `horizons` and `control_points` of the only survey.

    Raises:
        StrataflowError: A survey is missing, corrupted or not a grid, a key is unknown, or a value
            is invalid.
    """
    config = _configuration(folder / CONFIGURATION, settings, train)
    rows = _rows(folder / SHEET, surveys, given, config)
    _add_control(rows, surveys, control or {})
    # A file that says the same already stays as it is, with the comments of the user.
    path, sheet = folder / CONFIGURATION, folder / SHEET
    if not (path.is_file() and _read(path) == config):
        text = yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=100)
        _write(path, HEADER + text)
    if not (sheet.is_file() and list(read_sheet(sheet).values()) == rows):
        columns = list(dict.fromkeys(column for row in rows for column in row))
        table = pd.DataFrame(rows, columns=columns).fillna("")
        _write(sheet, table.to_csv(sep="\t", index=False))


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Restore the sample sheet and the configuration of `folder` when the block ends."""
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
    """Split `section.key=value` into the key and the value, which is parsed as YAML.

    A relative path in a key of PATH_SETTINGS is taken from the current folder and made absolute,
    because the workflow runs in another one.

    Raises:
        StrataflowError: The key or the value is missing, or the value is not YAML.
    """
    key, mark, value = text.partition("=")
    if not mark or not re.fullmatch(r"[a-z_]+(\.[A-Za-z0-9_-]+)*", key):
        raise StrataflowError(f"--set {text}: expected KEY=VALUE, such as training.epochs=0")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError:
        raise StrataflowError(f"--set {text}: expected a YAML value, got {value!r}") from None
    if key in PATH_SETTINGS and isinstance(parsed, str):
        parsed = str(Path(parsed).expanduser().resolve())
    return key, parsed


def _configuration(path: Path, settings: dict[str, Any], train: bool | None) -> dict[str, Any]:
    """Return the configuration at `path`, or the shipped one for a new folder, with changes."""
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
                raise StrataflowError(
                    f"--set {key}: {part!r} has no keys below it; see the configuration reference"
                )
        section[name] = value
    complete = yaml.safe_load(yaml.safe_dump(config))
    require_configuration(complete)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StrataflowError(f"{path}: invalid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise StrataflowError(f"{path}: expected keys with values")
    return content


def _rows(
    path: Path,
    surveys: Sequence[Path],
    given: Mapping[str, int | str | float],
    config: dict[str, Any],
) -> list[dict[str, str]]:
    """Return the rows of the sheet at `path`, with `surveys` added or updated."""
    rows = read_sheet(path) if path.is_file() else {}
    if not surveys and not rows:
        raise StrataflowError(f"{path.parent.parent}: no survey here yet; name at least one file")
    for survey in surveys:
        if not survey.exists():
            raise StrataflowError(f"{survey}: no such file")
        place = str(survey.resolve())
        name = next((n for n, row in rows.items() if row["survey"] == place), None)
        if name is None:
            name = _free_name(survey.stem, rows)
            rows[name] = {"volume": name, "survey": place}
        elif not given:
            # Keep the row of a known survey, because the user may have edited it.
            continue
        rows[name] |= _columns(survey, given, config["segy"]["domain"])
    return list(rows.values())


def _columns(survey: Path, given: Mapping[str, int | str | float], domain: str) -> dict[str, str]:
    """Columns of the sheet that say how to read a survey, which is looked at for that."""
    size = [given[n] for n in ("n1", "n2", "n3") if n in given]
    shape = Shape(*(int(n) for n in size)) if size else None
    if has_segy_headers(str(survey), bool(size)):
        positions = {n: p for n, p in given.items() if n in BYTE_COLUMNS}
        found = vars(choose_header_bytes(survey, positions))  # type: ignore[arg-type] # no floats
        return {n: str(value) for n, value in ({**given, **found}).items()}
    interval = float(given["interval"]) if "interval" in given else None
    open_survey(survey, Reading(domain=domain, shape=shape, interval=interval))
    return {n: str(value) for n, value in given.items() if n not in BYTE_COLUMNS}


def _add_control(
    rows: list[dict[str, str]], surveys: Sequence[Path], control: Mapping[str, str]
) -> None:
    """Add files of control, by column, to the row of the only survey that is meant."""
    meant = [
        row for row in rows if not surveys or Path(row["survey"]) in [s.resolve() for s in surveys]
    ]
    for column, text in control.items():
        if len(meant) != 1:
            raise StrataflowError(
                f"--{column}: belongs to one survey, got {len(meant)}; name one, or fill the column"
                f" {column} of {SHEET}"
            )
        paths = [control_file(text)] if column == "control_points" else control_paths(text)
        meant[0][column] = ";".join(str(path.resolve()) for path in paths)


def _free_name(stem: str, taken: dict[str, Any]) -> str:
    """Return an unused volume name derived from `stem`."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_-") or "survey"
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _write(path: Path, text: str) -> None:
    with written_whole(path) as (temporary,):
        temporary.write_text(text)
