"""The page of benchmarks takes new tables and keeps the others."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from page import PAGE, PLACE, filled
from results_table import machine, write_table

GIVEN = """# Benchmarks

<!-- results: segy -->

old table of segy

<!-- end of results -->

Explanation.

<!-- results: viewer -->

old table of the viewer

<!-- end of results -->
"""


def test_new_table_replaces_the_old_one(tmp_path: Path) -> None:
    write_table(tmp_path, "segy", "SEG-Y", pd.DataFrame({"way": ["read"], "seconds": [1.234]}))
    text, missing = filled(GIVEN, tmp_path)
    assert missing == ["viewer"]
    assert "old table of segy" not in text
    assert "1.23" in text
    assert machine() in text
    assert "old table of the viewer" in text
    assert "Explanation." in text
    # Once more changes nothing.
    assert filled(text, tmp_path)[0] == text


def test_folder_without_tables_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"none of segy, viewer \(run `make bench` first\)"):
        filled(GIVEN, tmp_path)


def test_every_benchmark_has_a_place() -> None:
    measured = {
        path.stem.removeprefix("bench_") for path in PAGE.parents[2].glob("benchmarks/bench_*")
    }
    places = {place[2] for place in PLACE.finditer(PAGE.read_text())}
    # Labels have a page of their own, and patches are in the summary.
    assert places == measured - {"labels", "patches"} | {"summary"}
