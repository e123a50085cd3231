"""Raw volumes back to SEG-Y under the survey's own headers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segyio

from conftest import Finished, refused_in_one_line, write_segy
from segy_bytes import ibm_bytes, integers, lines, write_bytes
from strataflow.formats.opening import Reading, convert_survey
from strataflow.segy.new_survey import write_survey
from strataflow.segy.writer import export_segy
from strataflow.synthetic.survey import survey_sidecar
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import HeaderBytes
from strataflow.volume.volume import open_volume, write_volume

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


def exported_from(segy: Path, folder: Path, **how: Any) -> Path:
    convert_survey(segy, folder / "x.bin", Reading())
    export_segy(open_volume(folder / "x.bin"), segy, folder / "out.sgy", HeaderBytes(), **how)
    return folder / "out.sgy"


def test_an_empty_first_trace_without_a_place_stays_as_it_is(tmp_path: Path) -> None:
    values = [[0.0] * 8, *integers((3, 4, 8)).reshape(12, 8).tolist()]

    def header(i: int) -> dict[int, int]:
        return lines(4)(i - 1) if i else {189: 0, 193: 0}

    segy = write_bytes(tmp_path / "x.sgy", values, header)
    before = segy.read_bytes()
    assert exported_from(segy, tmp_path).read_bytes()[3200:] == before[3200:]


@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
def test_all_but_the_samples_is_kept_byte_for_byte_in_revision_2(
    tmp_path: Path, order: str
) -> None:
    values = integers((3, 4, 8))
    segy = write_bytes(
        tmp_path / "x.sgy",
        values.reshape(12, 8).tolist(),
        lambda i: lines(4)(i) | {9: 7 * i, 233: -i},
        order=order,
        revision=2,
        extended=[bytes(range(64)) * 50],
        gap=100,
        more=bytes(range(240)),
        tail=b"\x07" * 3200,
        binary={3507: ("i", 1), 3521: ("Q", 6900), 3529: ("i", 1)},
    )
    before = segy.read_bytes()
    after = exported_from(segy, tmp_path).read_bytes()
    assert len(after) == len(before)
    assert after[3200:] == before[3200:], "IEEE samples come back as they were"
    history = [i for i in range(40) if after[80 * i :][:80] != before[80 * i :][:80]]
    assert len(history) == 1
    assert "STRATAFLOW" in after[80 * history[0] :][:80].decode("cp037")


@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
def test_ibm_floats_are_within_a_unit_of_the_last_place(tmp_path: Path, order: str) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(4, 5, 64)) * 10.0 ** rng.uniform(-30, 30, (4, 5, 64))
    values = values.astype(np.float32)
    values[0, 0, :4] = 0, 1, -16, 0.1
    # An amplitude that all the others do not drown, or there is nothing to normalise.
    segy = write_bytes(tmp_path / "x.sgy", values.reshape(20, 64).tolist(), lines(5), order=order)
    content = exported_from(segy, tmp_path, sample_format="ibm").read_bytes()
    assert int.from_bytes(content[3224:3226], {">": "big", "<": "little"}[order]) == 1  # type: ignore[arg-type]
    for trace, samples in enumerate(values.reshape(20, 64)):
        start = 3600 + trace * (240 + 256) + 240
        for i, value in enumerate(samples):
            word = content[start + 4 * i :][:4]
            word = word if order == ">" else word[::-1]
            # By long division, which rounds halves another way.
            expected = int.from_bytes(ibm_bytes(float(value)), "big")
            assert abs(int.from_bytes(word, "big") - expected) <= 1


def test_dead_traces_stay_dead_and_angles_are_written_in_degrees(tmp_path: Path) -> None:
    values = integers((2, 3, 8))
    values[1, 1] = 0
    segy = write_bytes(tmp_path / "x.sgy", values.reshape(6, 8).tolist(), lines(3))
    convert_survey(segy, tmp_path / "x.bin", Reading())
    sidecar = open_volume(tmp_path / "x.bin").sidecar
    for name, unit in (("fdip", 180), ("rgt", 1)):
        write_volume(
            tmp_path / f"p.{name}", np.full((2, 3, 8), 0.25, np.float32), sidecar.of_attribute(name)
        )
        export_segy(
            open_volume(tmp_path / f"p.{name}"),
            segy,
            tmp_path / "out.sgy",
            HeaderBytes(),
            degrees=True,
        )
        with segyio.open(tmp_path / "out.sgy", strict=True) as file:
            cube = segyio.tools.cube(file)
        assert not cube[1, 1].any()
        cube[1, 1] = 0.25 * unit
        assert (cube == 0.25 * unit).all()


@pytest.mark.parametrize("sample_format", ["ieee", "ibm"])
def test_other_readers_read_the_exported_files(tmp_path: Path, sample_format: str) -> None:
    cigsegy = pytest.importorskip("cigsegy")
    values = integers((30, 40, 50))
    segy = write_survey_of(values, tmp_path)
    out = exported_from(segy, tmp_path, sample_format=sample_format)
    with segyio.open(out, strict=True) as file:
        assert (segyio.tools.cube(file) == values).all()
        assert file.ilines.tolist() == list(range(1001, 1031))
    assert (cigsegy.fromfile(str(out), iline=189, xline=193) == values).all()


def test_the_segy_package_reads_exported_files(tmp_path: Path) -> None:
    others = pytest.importorskip("segy", reason="needs an older pandas than ours: install it apart")
    values = integers((30, 40, 50))
    segy = write_survey_of(values, tmp_path)
    read = others.SegyFile(str(exported_from(segy, tmp_path)))
    assert (np.asarray(read.sample[:]).reshape(values.shape) == values).all()
    assert read.header[:]["inline"].tolist() == np.repeat(range(1001, 1031), 40).tolist()


def write_survey_of(values: np.ndarray, folder: Path) -> Path:
    sidecar = survey_sidecar(Shape(*values.shape[::-1]))
    write_survey(folder, {"image": values}, sidecar, "A TEST")
    return folder / "image.sgy"


def test_a_text_header_without_an_empty_line_stays_as_it_is(tmp_path: Path) -> None:
    text = "".join(f"C{i + 1:>2} FULL".ljust(80) for i in range(40)).encode("cp037")
    values = integers((2, 2, 8)).reshape(4, 8).tolist()
    segy = write_bytes(tmp_path / "x.sgy", values, lines(2), text=text)
    assert exported_from(segy, tmp_path).read_bytes() == segy.read_bytes()


def test_an_ascii_text_header_gets_its_history_in_ascii_after_the_last_line(tmp_path: Path) -> None:
    text = "".join(
        f"C{i + 1:>2} {'USED' if i in (0, 5) else ''}".ljust(80) for i in range(40)
    ).encode()
    values = integers((2, 2, 8)).reshape(4, 8).tolist()
    segy = write_bytes(tmp_path / "x.sgy", values, lines(2), text=text)
    after = exported_from(segy, tmp_path).read_bytes()
    assert after[: 6 * 80] == text[: 6 * 80]
    assert after[6 * 80 : 7 * 80].decode().startswith("C 7 STRATAFLOW")


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
