"""SEG-Y files as people have them: null traces, odd headers; each with the right value."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segyio

from segy_bytes import write_bytes
from strataflow.errors import StrataflowError
from strataflow.formats.opening import Reading, convert_survey
from strataflow.segy.choice import choose_header_bytes
from strataflow.segy.inspect import inspect_segy
from strataflow.segy.writer import export_segy
from strataflow.volume.conversion import NULL_FACTOR, NULL_SHARE, null_value
from strataflow.volume.sidecar import HeaderBytes
from strataflow.volume.volume import open_volume, write_volume

N3, N2, N1 = 18, 20, 32
STANDARD = HeaderBytes()
Change = Callable[[int, np.ndarray, dict[int, int]], tuple[np.ndarray, dict[int, int]]]


def amplitudes() -> np.ndarray:
    """Layers with noise, RMS about 1,800; (N3 * N2, N1)."""
    rng = np.random.default_rng(2)
    i = np.arange(N3 * N2)[:, None]
    wave = np.sin((np.arange(N1)[None] + 0.1 * (i % N2)) / 3)
    return (2500 * wave + 100 * rng.normal(size=(N3 * N2, N1))).astype(np.float32)


def good_header(i: int) -> dict[int, int]:
    """Inlines 1010 to 1027, crosslines 2100 to 2119, 25 m apart, recorded from 500 ms on."""
    i3, i2 = divmod(i, N2)
    header = {189: 1010 + i3, 193: 2100 + i2, 181: 500_000 + 25 * i2, 185: 7_000_000 + 25 * i3}
    return header | {29: 1, 71: 1, 109: 500, 215: 1}


def unchanged(_: int, samples: np.ndarray, header: dict[int, int]) -> Any:
    return samples, header


def survey(path: Path, change: Change = unchanged, **more: Any) -> Path:
    """A survey whose traces and headers have gone through `change`."""
    traces, headers = [], []
    for i, samples in enumerate(amplitudes()):
        values, header = change(i, samples, good_header(i))
        traces.append(values.tolist())
        headers.append(header)
    return write_bytes(path, traces, lambda i: headers[i], **more)


def read(segy: Path, where: HeaderBytes = STANDARD) -> tuple[np.ndarray, dict[str, Any]]:
    output = segy.with_suffix(".bin")
    convert_survey(segy, output, Reading(where))
    sidecar = json.loads(output.with_suffix(".json").read_text())
    return np.fromfile(output, "<f4").reshape(sidecar["n3"], sidecar["n2"], sidecar["n1"]), sidecar


NULLS = {3, 77, 123, 200, 344}
EMPTY_HEADER = {189: 0, 193: 0, 181: 0, 185: 0, 109: 0, 71: 0}
LOWEST = -(2**31)


def null_of(value: float, header: dict[int, int]) -> Change:
    def change(i: int, samples: np.ndarray, good: dict[int, int]) -> Any:
        if i not in NULLS:
            return samples, good
        return np.full_like(samples, value), good | header

    return change


@pytest.mark.parametrize("value", [0.0, -999.25, 1e30, 1e33, float("nan")])
@pytest.mark.parametrize(
    "header",
    [
        {},
        EMPTY_HEADER,
        {181: 0, 185: 0},
        {181: LOWEST, 185: LOWEST, 189: LOWEST, 193: LOWEST},
        {109: 0},
        {29: 2, **EMPTY_HEADER},
        {29: 2},
    ],
    ids=["good", "empty", "no coordinates", "lowest", "no delay", "coded, empty", "coded"],
)
def test_null_traces_take_part_in_nothing(
    tmp_path: Path, value: float, header: dict[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    raw, sidecar = read(survey(tmp_path / "x.sgy", null_of(value, header)))
    assert (sidecar["n3"], sidecar["n2"]) == (N3, N2)
    assert sidecar["corners"][0] == pytest.approx([500_000, 7_000_000], abs=1e-3)
    assert sidecar["corners"][3] == pytest.approx([500_475, 7_000_425], abs=1e-3)
    axes = sidecar["axes"]
    assert axes["n3"] | {"spacing": 25} == {
        "name": "inline",
        "first": 1010,
        "step": 1,
        "spacing": 25,
        "unit": "m",
    }
    assert axes["n2"]["spacing"] == pytest.approx(25)
    assert axes["n1"]["first"] == 500
    live = np.ones(N3 * N2, bool)
    live[list(NULLS)] = False
    expected = np.where(live[:, None], amplitudes(), 0).reshape(raw.shape)
    np.testing.assert_array_equal(raw, expected)
    known = amplitudes()[live]
    clip = np.percentile(known, (0.5, 99.5))
    assert sidecar["amplitudes"]["clip_low"] == pytest.approx(clip[0], rel=0.01)
    assert sidecar["amplitudes"]["std"] == pytest.approx(np.clip(known, *clip).std(), rel=0.01)
    assert sidecar["source"]["null_traces"] == 5
    assert "5 null traces (coded as dead or constant) take no part" in caplog.text


def test_null_traces_come_back_with_their_headers(tmp_path: Path) -> None:
    segy = survey(tmp_path / "x.sgy", null_of(-999.25, EMPTY_HEADER))
    read(segy)
    volume = open_volume(tmp_path / "x.bin")
    write_volume(tmp_path / "p.fsem", np.full(volume.values.shape, 0.5, "f4"), volume.sidecar)
    export_segy(open_volume(tmp_path / "p.fsem"), segy, tmp_path / "out.sgy", STANDARD)
    with (
        segyio.open(segy, ignore_geometry=True) as given,
        segyio.open(tmp_path / "out.sgy", ignore_geometry=True) as out,
    ):
        assert out.tracecount == N3 * N2
        for i in range(N3 * N2):
            assert dict(out.header[i]) == dict(given.header[i])
            assert (out.trace[i] == (0 if i in NULLS else 0.5)).all()


def test_an_edge_of_dead_traces_with_line_numbers_belongs_to_the_grid(tmp_path: Path) -> None:
    def change(i: int, samples: np.ndarray, header: dict[int, int]) -> Any:
        edge = i % N2 in (0, 1, N2 - 1)
        return (0 * samples, header | {29: 2}) if edge else (samples, header)

    _, sidecar = read(survey(tmp_path / "x.sgy", change))
    assert (sidecar["n2"], sidecar["axes"]["n2"]["first"]) == (N2, 2100)


@pytest.mark.parametrize("power", [1, 3])
@pytest.mark.parametrize("value", [-999.25, -30.0, 1e30, 0.0])
@pytest.mark.parametrize("share", [0.0005, 0.0015, 0.3, 0.97])
def test_null_values_are_those_far_outside_of_nearly_all_samples(
    power: int, value: float, share: float
) -> None:
    rng = np.random.default_rng(8)
    traces = (rng.normal(size=(400, 100)) ** power).astype(np.float32)
    traces[rng.random(traces.shape) < share] = value
    values = traces[traces != 0]
    others = np.abs(values[values != value])
    count = np.count_nonzero(values == value)
    outside = abs(value) > NULL_FACTOR * np.percentile(others, 99.9)
    expected = value if count > NULL_SHARE * values.size and outside else None
    assert null_value(traces) == (None if expected is None else pytest.approx(expected))


def test_a_null_value_within_traces_is_blanked_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def change(i: int, samples: np.ndarray, header: dict[int, int]) -> Any:
        samples = samples.copy()
        samples[: 3 + i % 4] = -99999.25
        return samples, header

    raw, sidecar = read(survey(tmp_path / "x.sgy", change))
    assert raw.min() > -4000
    assert sidecar["source"]["null_value"] == -99999.25
    assert sidecar["amplitudes"]["clip_low"] > -4000
    assert "samples with the null value -99999.2 set to 0" in caplog.text


def test_traces_whose_coordinates_break_the_grid_are_named_and_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def change(i: int, samples: np.ndarray, header: dict[int, int]) -> Any:
        return samples, header | ({181: 90_000 + i, 185: 123} if i % 7 == 5 else {})

    _, sidecar = read(survey(tmp_path / "x.sgy", change))
    assert sidecar["corners"][3] == pytest.approx([500_475, 7_000_425], abs=1e-3)
    said = caplog.text
    assert "the coordinates of 51 of 360 live traces do not fit the grid" in said
    assert "first trace 6 at (90005, 123), expected (500125, 7000000)" in said


def test_a_survey_whose_traces_are_all_coded_dead_is_read(tmp_path: Path) -> None:
    raw, sidecar = read(survey(tmp_path / "x.sgy", lambda _, s, h: (s, h | {29: 2})))
    np.testing.assert_array_equal(raw.reshape(-1, N1), amplitudes())
    assert sidecar["source"]["null_traces"] == 0


@pytest.mark.parametrize(("minor", "kind"), [(0, "i"), (1, "h"), (0, "h")])
@pytest.mark.parametrize("order", ["<", ">"])
def test_additional_trace_headers_are_counted_as_the_size_of_the_file_says(
    tmp_path: Path, minor: int, kind: str, order: str
) -> None:
    # Revision 2.1 has two bytes for their number, and the survey type in the two that follow.
    binary: dict[int, tuple[str, Any]] = {3507: (kind, 1), 3502: ("B", minor)}
    if kind == "h":
        binary[3509] = ("h", 5)
    binary[3297] = ("i", 16909060)
    segy = survey(tmp_path / "x.sgy", revision=2, binary=binary, more=bytes(240), order=order)
    raw, _ = read(segy)
    np.testing.assert_array_equal(raw.reshape(-1, N1), amplitudes())


def test_a_sample_interval_of_40_ms_is_unsigned(tmp_path: Path) -> None:
    segy = survey(
        tmp_path / "x.sgy",
        lambda _, s, h: (s, h | {117: 40_000 - (1 << 16)}),
        binary={3217: ("H", 40_000)},
    )
    _, sidecar = read(segy)
    assert sidecar["axes"]["n1"]["step"] == 40


def test_coordinates_are_taken_from_where_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def moved(_: int, samples: np.ndarray, header: dict[int, int]) -> Any:
        return samples, header | {73: header[181], 77: header[185], 181: 0, 185: 0}

    _, sidecar = read(survey(tmp_path / "x.sgy", moved))
    assert sidecar["corners"][3] == pytest.approx([500_475, 7_000_425], abs=1e-3)
    assert "no coordinates at bytes 181 and 185; those at bytes 73 and 77" in caplog.text


def test_without_coordinates_there_are_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, sidecar = read(survey(tmp_path / "x.sgy", lambda _, s, h: (s, h | {181: 0, 185: 0})))
    assert sidecar["corners"] == []
    assert sidecar["axes"]["n2"]["unit"] == "line"
    assert "no coordinates in the headers" in caplog.text
    stored = open_volume(tmp_path / "x.bin").sidecar
    places = stored.places(np.array([[2], [3], [4]]))
    assert np.isnan([places["x"], places["y"], stored.azimuth([30.0])]).all()
    assert [float(places[n][0]) for n in ("inline", "crossline", "time")] == [1012, 2103, 516]


@pytest.mark.parametrize(("kind", "letter"), [("int32", "i"), ("float32", "f"), ("float64", "d")])
def test_line_numbers_at_odd_bytes_in_any_type(tmp_path: Path, kind: str, letter: str) -> None:
    # 217 is a field of two bytes in the standard.
    segy = survey(tmp_path / "x.sgy", lambda _, s, h: (s, h | {189: 0, 193: 0}))
    content = bytearray(segy.read_bytes())
    crossline = 217 + struct.calcsize(letter)
    for i in range(N3 * N2):
        at = 3600 + i * (240 + 4 * N1) - 1
        struct.pack_into(">" + letter, content, at + 217, 3_000_010 + i // N2)
        struct.pack_into(">" + letter, content, at + crossline, 70_000 + 2 * (i % N2))
    segy.write_bytes(content)
    named = HeaderBytes(f"217:{kind}", f"{crossline}:{kind}")
    for where in (named, *([HeaderBytes(217, 221)] if kind == "int32" else [])):
        raw, sidecar = read(segy, where)
        np.testing.assert_array_equal(raw.reshape(-1, N1), amplitudes())
        assert sidecar["axes"]["n3"]["first"] == 3_000_010
        assert (sidecar["axes"]["n2"]["first"], sidecar["axes"]["n2"]["step"]) == (70_000, 2)
    found = inspect_segy(segy, named)
    assert found["grid"]["inlines"]["byte"] == f"217:{kind}"
    # They are found without being named.
    best = inspect_segy(segy, STANDARD)["fitting_bytes"][0]
    assert (best["inlines"], best["crosslines"]) == (N3, N2)
    assert choose_header_bytes(segy, {}).iline == f"217:{kind}"


def test_the_only_line_numbers_are_taken_where_the_configured_ones_make_no_grid(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def moved(_: int, samples: np.ndarray, header: dict[int, int]) -> Any:
        return samples, header | {9: header[189], 21: header[193], 189: 0, 193: 0}

    raw, sidecar = read(survey(tmp_path / "x.sgy", moved))
    np.testing.assert_array_equal(raw.reshape(-1, N1), amplitudes())
    assert sidecar["source"]["header_bytes"]["xline"] == 21
    said = caplog.text
    assert "bytes 189 and 193 hold no line numbers; those at bytes 9 and 21 make a grid" in said


def test_shot_gathers_get_no_byte_positions_offered(tmp_path: Path) -> None:
    def shot(i: int, samples: np.ndarray, header: dict[int, int]) -> Any:
        record, channel = divmod(i, N2)
        numbers = {9: 100 + record, 13: 1 + channel, 37: 150 + 25 * channel}
        return samples, header | numbers | {189: 0, 193: 0}

    segy = survey(tmp_path / "x.sgy", shot)
    found = inspect_segy(segy, STANDARD)
    assert found["fitting_bytes"] == []
    assert "pre-stack" in found["reason"] or "shot gathers" in found["reason"]


def test_two_byte_line_numbers_stay_two_bytes(tmp_path: Path) -> None:
    def change(_: int, samples: np.ndarray, header: dict[int, int]) -> Any:
        return samples, header | {189: 0, 193: 0}

    segy = survey(tmp_path / "x.sgy", change)
    content = bytearray(segy.read_bytes())
    for i in range(N3 * N2):
        at = 3600 + i * (240 + 4 * N1) - 1
        struct.pack_into(">hhhh", content, at + 213, 300 + i // N2, 0, 70 + i % N2, 0)
    segy.write_bytes(content)
    _, sidecar = read(segy, HeaderBytes(213, 217))
    assert (sidecar["axes"]["n3"]["first"], sidecar["axes"]["n2"]["first"]) == (300, 70)
    assert sidecar["source"]["header_bytes"]["iline"] == 213


@pytest.mark.parametrize("position", ["300", "0", "189:int12", "x", "239:int32"])
def test_a_position_outside_the_header_is_refused(tmp_path: Path, position: str) -> None:
    segy = survey(tmp_path / "x.sgy")
    with pytest.raises(StrataflowError, match=position):
        read(segy, HeaderBytes(iline=position))
