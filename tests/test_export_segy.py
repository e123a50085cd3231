"""Raw volumes back to SEG-Y under the survey's own headers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio

from conftest import Finished, refused_in_one_line, write_segy

Run = Callable[..., Finished]


def round_trip(run: Run, segy: Path, folder: Path) -> Path:
    done = run("segy_to_binary", "--input", segy, "--output", folder / "x.bin")
    assert done.returncode == 0, done.stderr
    words = ("--input", folder / "x.bin", "--template", segy, "--output", folder / "out.sgy")
    done = run("export_segy", *words)
    assert done.returncode == 0, done.stderr
    return folder / "out.sgy"


def bytes_outside_samples(path: Path, n1: int, width: int) -> np.ndarray:
    """Trace headers as bytes, (traces, 240)."""
    raw = np.fromfile(path, np.uint8)[3600:]
    return raw.reshape(-1, 240 + width * n1)[:, :240]


@pytest.mark.parametrize(("code", "width"), [(5, 4), (1, 4), (3, 2)], ids=["ieee", "ibm", "int16"])
def test_headers_order_and_samples_survive_with_traces_missing_and_shuffled_lines(
    run_script: Run, tmp_path: Path, code: int, width: int
) -> None:
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(scale=1000, size=(4, 5, 16))).astype(np.float32)
    segy = write_segy(
        tmp_path / "x.sgy",
        values,
        inlines=[13, 10, 12, 11],
        format_code=code,
        drop={(1, 1), (3, 4)},
    )
    exported = round_trip(run_script, segy, tmp_path)
    before, after = bytes_outside_samples(segy, 16, width), bytes_outside_samples(exported, 16, 4)
    assert (before == after).all()
    with (
        segyio.open(segy, ignore_geometry=True) as a,
        segyio.open(exported, ignore_geometry=True) as b,
    ):
        assert (a.trace.raw[:] == b.trace.raw[:]).all()
        assert b.bin[segyio.BinField.Format] == 5
        changed = {f for f in a.bin if a.bin[f] != b.bin[f]}
        assert changed <= {segyio.BinField.Format}
        lines = zip(*(text.decode("latin-1") for text in (a.text[0], b.text[0])), strict=True)
        assert sum(x != y for x, y in lines) <= 77


def test_published_survey_comes_back_trace_by_trace(
    run_script: Run, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "segy" / "f3.sgy"
    exported = round_trip(run_script, source, tmp_path)
    with segyio.open(source) as a, segyio.open(exported) as b:
        assert (segyio.tools.cube(a) == segyio.tools.cube(b)).all()
        assert all(a.header[i] == b.header[i] for i in range(a.tracecount))


def test_a_template_of_another_size_is_refused(run_script: Run, tmp_path: Path) -> None:
    values = np.random.default_rng(2).normal(size=(3, 4, 8)).astype(np.float32)
    segy = write_segy(tmp_path / "x.sgy", values)
    other = write_segy(tmp_path / "other.sgy", values[:2])
    run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin")
    done = run_script(
        "export_segy",
        *("--input", tmp_path / "x.bin", "--template", other, "--output", tmp_path / "out.sgy"),
    )
    refused_in_one_line(done, "x.bin", "n3=3", "other.sgy", "n3=2")
    assert not (tmp_path / "out.sgy").exists()
