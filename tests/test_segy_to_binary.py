"""SEG-Y to raw volumes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segyio

from conftest import Finished, refused_in_one_line, write_segy
from segy_bytes import integers, lines, write_bytes
from strataflow.errors import StrataflowError
from strataflow.formats.opening import Reading, convert_survey
from strataflow.volume.sidecar import HeaderBytes

Run = Callable[..., Finished]
STANDARD = HeaderBytes()
Read = tuple[np.ndarray, dict[str, Any]]
RNG = np.random.default_rng(5)


def cube(n3: int = 4, n2: int = 5, n1: int = 16) -> np.ndarray:
    return RNG.normal(size=(n3, n2, n1)).astype(np.float32)


def convert(
    run: Run, segy: Path, output: Path, *words: object
) -> tuple[np.ndarray, dict[str, Any]]:
    done = run("segy_to_binary", "--input", segy, "--output", output, *words)
    assert done.returncode == 0, done.stderr
    return loaded(output)


def loaded(output: Path) -> Read:
    sidecar = json.loads(output.with_suffix(".json").read_text())
    shape = (sidecar["n3"], sidecar["n2"], sidecar["n1"])
    return np.fromfile(output, "<f4").reshape(shape), sidecar


def read(segy: Path, output: Path, where: HeaderBytes = STANDARD) -> Read:
    """The same without a process of its own."""
    convert_survey(segy, output, Reading(where))
    return loaded(output)


def refuses(segy: Path, folder: Path, *words: str) -> None:
    """The file is refused in one line with all `words`, and nothing is left."""
    with pytest.raises(StrataflowError) as caught:
        convert_survey(segy, folder / "out" / "x.bin", Reading(STANDARD))
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message
    assert not [p for p in folder.rglob("*") if p.is_file() and p != segy]


def test_samples_land_in_their_place_with_the_first_axis_fastest(
    run_script: Run, tmp_path: Path
) -> None:
    values = cube()
    raw, sidecar = convert(run_script, write_segy(tmp_path / "x.sgy", values), tmp_path / "x.bin")
    assert (raw == values).all()
    axes = sidecar["axes"]
    assert [axes[n]["first"] for n in ("n1", "n2", "n3")] == [0, 100, 10]
    assert [axes[n]["spacing"] for n in ("n1", "n2", "n3")] == pytest.approx([4, 50, 25])
    assert sidecar["corners"] == [
        pytest.approx(corner, abs=1e-6)
        for corner in ([1000, 5000], [1000, 5200], [1075, 5000], [1075, 5200])
    ]


def test_line_numbers_that_fall_or_skip_are_put_in_order(run_script: Run, tmp_path: Path) -> None:
    values = cube()
    segy = write_segy(
        tmp_path / "x.sgy", values, inlines=[40, 30, 20, 10], crosslines=[1, 3, 5, 7, 9]
    )
    raw, sidecar = convert(run_script, segy, tmp_path / "x.bin")
    assert (raw == values[::-1]).all()
    assert (sidecar["axes"]["n3"]["first"], sidecar["axes"]["n3"]["step"]) == (10, 10)
    assert (sidecar["axes"]["n2"]["first"], sidecar["axes"]["n2"]["step"]) == (1, 2)


def test_missing_traces_are_zero_and_dead(run_script: Run, tmp_path: Path) -> None:
    values = cube()
    gone = {(0, 0), (2, 3)}
    segy = write_segy(tmp_path / "x.sgy", values, drop=gone)
    raw, sidecar = convert(run_script, segy, tmp_path / "x.bin")
    for trace in gone:
        assert not raw[trace].any()
    runs = sidecar["live_runs"]
    live = np.repeat(np.arange(len(runs)) % 2 == 0, runs).reshape(4, 5)
    assert {tuple(map(int, trace)) for trace in np.argwhere(~live)} == gone


def test_bad_samples_become_zero_and_are_counted(run_script: Run, tmp_path: Path) -> None:
    values = cube()
    values[1, 2, 3], values[2, 2, 4] = np.nan, np.inf
    raw, sidecar = convert(run_script, write_segy(tmp_path / "x.sgy", values), tmp_path / "x.bin")
    assert raw[1, 2, 3] == raw[2, 2, 4] == 0
    assert sidecar["source"]["bad_samples"] == 2


@pytest.mark.parametrize("name", ["Format1msb.sgy", "Format3msb.sgy", "Format5msb.sgy"])
def test_published_files_of_each_format_read_as_segyio_reads_them(
    run_script: Run, shared_data: Path, tmp_path: Path, name: str
) -> None:
    source = shared_data / "segy" / name
    raw, _ = convert(run_script, source, tmp_path / "x.bin")
    with segyio.open(source) as file:
        assert (raw == segyio.tools.cube(file)).all()


def test_a_survey_of_other_byte_positions_is_read_when_they_are_given(
    run_script: Run, shared_data: Path, tmp_path: Path
) -> None:
    raw, _ = convert(run_script, shared_data / "segy" / "f3.sgy", tmp_path / "x.bin")
    with segyio.open(shared_data / "segy" / "f3.sgy") as file:
        assert (raw == segyio.tools.cube(file)).all()


@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16])
def test_every_sample_format_is_read_in_both_byte_orders(
    tmp_path: Path, code: int, order: str
) -> None:
    values = integers((3, 4, 9), low=0 if code in (10, 11, 12, 15, 16) else -100)
    segy = write_bytes(
        tmp_path / "x.sgy", values.reshape(12, 9).tolist(), lines(4), code=code, order=order
    )
    raw, sidecar = read(segy, tmp_path / "x.bin")
    assert (raw == values).all()
    assert sidecar["source"]["byte_order"] == {">": "big", "<": "little"}[order]


@pytest.mark.parametrize("value", [1.0, -1.5, 0.1, 1e-20, -3.4e38, 16.0, 15.9999, 0.0])
def test_ibm_floats_are_read_to_the_last_digit(tmp_path: Path, value: float) -> None:
    values = np.full((2, 2, 4), value, np.float32)
    values[..., 1] = 0.5 * value
    # Constant traces would be null.
    values[..., 0] = 1
    values[..., 3] = -1
    segy = write_bytes(tmp_path / "x.sgy", values.reshape(4, 4).tolist(), lines(2), code=1)
    raw, _ = read(segy, tmp_path / "x.bin")
    # 24 bits in digits of base 16 hold at least 21 significant ones.
    assert raw == pytest.approx(values, rel=2**-21, abs=1e-38)


def test_crossline_sorted_traces_land_in_their_place(tmp_path: Path) -> None:
    values = integers((3, 4, 8))
    segy = write_bytes(
        tmp_path / "x.sgy",
        values.swapaxes(0, 1).reshape(12, 8).tolist(),
        lambda i: {189: 10 + i % 3, 193: 100 + i // 3},
    )
    assert (read(segy, tmp_path / "x.bin")[0] == values).all()


@pytest.mark.parametrize(("iline", "xline"), [(9, 21), (5, 17), (73, 77), (219, 233), (31, 33)])
def test_line_numbers_are_read_at_any_byte(tmp_path: Path, iline: int, xline: int) -> None:
    values = integers((3, 4, 8))
    width = {31, 33}
    segy = write_bytes(tmp_path / "x.sgy", values.reshape(12, 8).tolist(), lambda _: {})
    content = bytearray(segy.read_bytes())
    for trace in range(12):
        for byte, number in ((iline, 10 + trace // 4), (xline, 100 + trace % 4)):
            at = 3600 + trace * (240 + 32) + byte - 1
            n = 2 if byte in width else 4
            content[at : at + n] = number.to_bytes(n, "big")
    segy.write_bytes(content)
    raw, sidecar = read(segy, tmp_path / "x.bin", HeaderBytes(iline=iline, xline=xline))
    assert (raw == values).all()
    assert sidecar["axes"]["n3"]["first"] == 10


@pytest.mark.parametrize("shape", [(1, 5, 8), (5, 1, 8), (1, 1, 8)])
def test_one_inline_or_one_crossline_is_a_survey(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    values = integers(shape)
    segy = write_bytes(tmp_path / "x.sgy", values.reshape(-1, 8).tolist(), lines(shape[1]))
    # A single line runs along n2, whichever of its numbers changes.
    raw, _ = read(segy, tmp_path / "x.bin")
    assert raw.shape == (1, shape[0] * shape[1], 8)
    assert (raw.ravel() == values.ravel()).all()


@pytest.mark.parametrize(("scalar", "factor"), [(-100, 0.01), (10, 10.0), (0, 1.0), (1, 1.0)])
def test_corners_of_a_turned_grid_follow_from_scaled_coordinates(
    tmp_path: Path, scalar: int, factor: float
) -> None:
    def header(i: int) -> dict[int, int]:
        i3, i2 = divmod(i, 4)
        x, y = 1000 + 30 * i3 + 40 * i2, 2000 + 40 * i3 - 30 * i2
        return {189: i3 + 1, 193: i2 + 1, 71: scalar, 181: x, 185: y}

    segy = write_bytes(tmp_path / "x.sgy", integers((12, 1, 8))[:, 0].tolist(), header)
    _, sidecar = read(segy, tmp_path / "x.bin")
    expected = np.array([(1000, 2000), (1120, 1910), (1060, 2080), (1180, 1990)]) * factor
    assert np.array(sidecar["corners"]) == pytest.approx(expected)
    assert sidecar["axes"]["n2"]["spacing"] == pytest.approx(50 * factor)
    assert sidecar["axes"]["n3"]["spacing"] == pytest.approx(50 * factor)


def test_the_delay_is_where_the_samples_begin(tmp_path: Path) -> None:
    segy = write_bytes(
        tmp_path / "x.sgy",
        integers((4, 1, 8))[:, 0].tolist(),
        lambda i: lines(2)(i) | {109: 12345, 215: -10},
    )
    _, sidecar = read(segy, tmp_path / "x.bin")
    assert sidecar["axes"]["n1"]["first"] == 1234.5
    assert sidecar["axes"]["n1"]["step"] == 4


def test_traces_that_begin_at_different_times_are_refused(tmp_path: Path) -> None:
    segy = write_bytes(
        tmp_path / "x.sgy",
        integers((4, 1, 8))[:, 0].tolist(),
        lambda i: lines(2)(i) | {109: 100 if i == 2 else 0},
    )
    refuses(segy, tmp_path, "x.sgy", "trace 3", "at 100,")


def test_extended_text_headers_are_passed_over_counted_or_marked(tmp_path: Path) -> None:
    values = integers((2, 2, 8))
    last = "((SEG: EndText))".ljust(3200).encode("cp037")
    for count in (2, -1):
        segy = write_bytes(
            tmp_path / "x.sgy",
            values.reshape(4, 8).tolist(),
            lines(2),
            extended=[b"\x40" * 3200, last],
            extended_count=count,
        )
        assert (read(segy, tmp_path / "x.bin")[0] == values).all()


def test_extended_text_headers_of_revision_0_follow_from_the_file_size(tmp_path: Path) -> None:
    values = integers((2, 2, 8))
    how: dict[str, Any] = {"revision": 0, "extended": [bytes(3200)] * 2}
    segy = write_bytes(tmp_path / "x.sgy", values.reshape(4, 8).tolist(), lines(2), **how)
    assert (read(segy, tmp_path / "x.bin")[0] == values).all()
    # The same field without such headers holds something else.
    how = {"revision": 0, "extended_count": 2}
    segy = write_bytes(tmp_path / "x.sgy", values.reshape(4, 8).tolist(), lines(2), **how)
    assert (read(segy, tmp_path / "x.bin")[0] == values).all()


@pytest.mark.parametrize(
    ("system", "coordinates", "expected"),
    [(0, 0, ("m", "m")), (1, 1, ("m", "m")), (2, 1, ("ft", "ft")), (2, 3, ("ft", "degree"))],
)
def test_units_are_those_of_the_headers(
    run_script: Run, tmp_path: Path, system: int, coordinates: int, expected: tuple[str, str]
) -> None:
    segy = write_bytes(
        tmp_path / "x.sgy",
        integers((4, 1, 8))[:, 0].tolist(),
        lambda i: lines(2)(i) | {89: coordinates},
        binary={3255: ("h", system)},
    )
    words = ("--input", segy, "--output", tmp_path / "x.bin", "--domain", "depth")
    done = run_script("segy_to_binary", *words)
    assert done.returncode == 0, done.stderr
    axes = json.loads((tmp_path / "x.json").read_text())["axes"]
    assert (axes["n1"]["unit"], axes["n2"]["unit"]) == expected
    assert axes["n3"]["unit"] == axes["n2"]["unit"]
    assert ("distances are not lengths" in done.stdout) == (coordinates == 3)


@pytest.mark.parametrize(
    ("binary", "trace", "milliseconds"), [(0, 2000, 2), (-5, 2000, 2), (3000, 2000, 3), (0, 0, 4)]
)
def test_the_sample_interval_is_the_first_positive_one(
    tmp_path: Path, binary: int, trace: int, milliseconds: float
) -> None:
    segy = write_bytes(
        tmp_path / "x.sgy",
        integers((4, 1, 8))[:, 0].tolist(),
        lambda i: lines(2)(i) | {117: trace},
        binary={3217: ("h", binary)},
    )
    _, sidecar = read(segy, tmp_path / "x.bin")
    assert sidecar["axes"]["n1"]["step"] == milliseconds


def test_revision_2_gives_first_trace_trace_length_and_trailers(
    tmp_path: Path,
) -> None:
    values = integers((2, 2, 8))
    segy = write_bytes(
        tmp_path / "x.sgy",
        values.reshape(4, 8).tolist(),
        lines(2),
        revision=2,
        gap=1000,
        more=bytes(240),
        tail=bytes(3200),
        binary={
            3221: ("H", 0),
            3217: ("H", 0),
            3269: ("i", 8),
            3273: ("d", 1500.0),
            3507: ("i", 1),
            3521: ("Q", 4600),
            3529: ("i", 1),
        },
    )
    raw, sidecar = read(segy, tmp_path / "x.bin")
    assert (raw == values).all()
    assert sidecar["axes"]["n1"]["step"] == 1.5
    assert sidecar["source"]["revision"] == "2.0"


def test_traces_that_the_header_calls_dead_are_dead(tmp_path: Path) -> None:
    segy = write_bytes(
        tmp_path / "x.sgy",
        integers((6, 1, 8))[:, 0].tolist(),
        lambda i: lines(3)(i) | {29: 2 if i == 4 else 1},
    )
    _, sidecar = read(segy, tmp_path / "x.bin")
    assert sidecar["live_runs"] == [4, 1, 1]


def test_traces_in_any_order_come_to_their_places(tmp_path: Path) -> None:
    order = [5, 0, 3, 1, 4]

    def header(i: int) -> dict[int, int]:
        i3, i2 = divmod(order[i], 3)
        return {189: 20 - 2 * i3, 193: 7 + i2, 29: 1}

    values = integers((5, 1, 8))[:, 0]
    cube, _ = read(write_bytes(tmp_path / "x.sgy", values.tolist(), header), tmp_path / "x.bin")
    for trace, k in zip(values, order, strict=True):
        # Inline 18 is the first, since lines are put in growing order.
        np.testing.assert_array_equal(cube[1 - k // 3, k % 3], trace)


def test_statistics_are_those_of_the_clipped_live_samples(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(1e4, 3, (30, 30, 40)).astype(np.float32)
    values[3, 4] = 0
    segy = write_segy(tmp_path / "x.sgy", values, drop={(0, 0)})
    _, sidecar = read(segy, tmp_path / "x.bin")
    live = np.ones((30, 30), bool)
    live[3, 4] = live[0, 0] = False
    kept = values[live]
    low, high = np.percentile(kept, (0.5, 99.5))
    clipped = np.clip(kept, low, high).astype(float)
    found = sidecar["amplitudes"]
    assert found["clip_low"] == pytest.approx(low, rel=1e-6)
    assert found["mean"] == pytest.approx(clipped.mean(), rel=1e-6)
    assert found["std"] == pytest.approx(clipped.std(), rel=1e-3)


def test_flags_that_disagree_with_the_file_stop_with_both_numbers(
    run_script: Run, tmp_path: Path
) -> None:
    segy = write_segy(tmp_path / "x.sgy", cube())
    sizes = ("--n1", 16, "--n2", 5, "--n3", 7)
    done = run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin", *sizes)
    refused_in_one_line(done, "x.sgy", "n3=7", "n3=4")
    assert not list(tmp_path.glob("*.bin")) + list(tmp_path.glob("*.json"))


def good(path: Path, **how: Any) -> Path:
    return write_bytes(path, integers((12, 12, 16)).reshape(144, 16).tolist(), lines(12), **how)


def put(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def without_headers(content: bytes) -> bytes:
    for trace in range(144):
        content = put(content, 3600 + 304 * trace, bytes(240))
    return content


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "empty": (lambda _: b"", ("not SEG-Y", "0 bytes")),
    "text": (lambda _: b"C 1 text\n" * 1000, ("not SEG-Y", "format code")),
    "last trace truncated": (lambda b: b[:-10], ("truncated", "trace 144", "at byte 47366")),
    "cut in the middle": (lambda b: b[: len(b) // 2], ("truncated", "trace 67")),
    "cut in the header": (lambda b: b[:3000], ("not SEG-Y", "3000 bytes")),
    "sample count": (lambda b: put(b, 3220, b"\0\x14"), ("20 samples", "16", "3221")),
    "format 0": (lambda b: put(b, 3224, b"\0\0"), ("format code", "0")),
    "format 99": (lambda b: put(b, 3224, b"\0\x63"), ("format code", "99")),
    "format 4": (lambda b: put(b, 3224, b"\0\4"), ("code 4", "not supported")),
    "headers of zeros": (without_headers, ("189 and 193", "144 traces 1 grid positions")),
    "inline far outside": (
        lambda b: put(b, 3600 + 304 * 50 + 188, (99999).to_bytes(4, "big")),
        ("inline 99999", "trace 51", "far outside"),
    ),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_a_damaged_file_is_refused_with_the_cause(tmp_path: Path, damage: str) -> None:
    spoil, words = DAMAGES[damage]
    segy = good(tmp_path / "x.sgy")
    segy.write_bytes(spoil(segy.read_bytes()))
    refuses(segy, tmp_path, "x.sgy", *words)


def test_duplicates_are_refused_with_the_place_of_one(tmp_path: Path) -> None:
    def header(i: int) -> dict[int, int]:
        return lines(12)(5 if i == 100 else i)

    values = integers((12, 12, 16)).reshape(144, 16).tolist()
    segy = write_bytes(tmp_path / "x.sgy", values, header)
    refuses(segy, tmp_path, "x.sgy", "1 traces the grid position", "inline 10, crossline 105")


def test_sample_counts_that_disagree_are_both_named(tmp_path: Path) -> None:
    # The wrong count fits the size of the file: 300 traces of 60 samples are 480,
    # 240 + 240 bytes each, and 180 traces of 140 samples.
    values = integers((300, 1, 60))[:, 0].tolist()
    segy = write_bytes(tmp_path / "x.sgy", values, lines(20), binary={3221: ("H", 140)})
    refuses(segy, tmp_path, "binary header gives 140 samples", "trace headers", "give 60")
    # A count in the binary header that is right, and one in the trace headers that is not.
    segy = write_bytes(tmp_path / "x.sgy", values, lambda i: lines(20)(i) | {115: 140})
    assert (read(segy, tmp_path / "x.bin")[0].reshape(300, 60) == np.array(values)).all()
    # Neither fits: the error for a truncated file names both.
    segy.write_bytes(segy.read_bytes()[:-6])
    (tmp_path / "x.bin").unlink()
    (tmp_path / "x.json").unlink()
    refuses(segy, tmp_path, "truncated", "60 samples; the trace headers give 140 samples")


def test_shot_gathers_are_refused_with_the_reason(tmp_path: Path) -> None:
    values = integers((60, 1, 16))[:, 0].tolist()
    segy = write_bytes(
        tmp_path / "x.sgy", values, lambda i: {9: 1 + i // 12, 13: 1 + i % 12, 37: 25 * (i % 12)}
    )
    refuses(segy, tmp_path, "x.sgy", "shot gathers", "stack")


def test_a_prestack_survey_is_refused_with_the_reason(tmp_path: Path) -> None:
    values = integers((60, 1, 16))[:, 0].tolist()
    segy = write_bytes(
        tmp_path / "x.sgy", values, lambda i: lines(4)(i // 3) | {37: 100 * (i % 3), 9: i // 3}
    )
    refuses(segy, tmp_path, "x.sgy", "pre-stack", "offsets 0 to 200", "stack it")


def test_other_byte_positions_that_form_a_grid_are_listed_if_there_are_several(
    tmp_path: Path,
) -> None:
    values = integers((12, 12, 16)).reshape(144, 16).tolist()
    first, second = lines(12, iline=9, xline=21), lines(12, iline=5, xline=13)

    def header(i: int) -> dict[int, int]:
        other = {byte: 7 * value for byte, value in second(i).items() if byte in (5, 13)}
        return first(i) | other

    segy = write_bytes(tmp_path / "x.sgy", values, header)
    refuses(segy, tmp_path, "x.sgy", "--iline 9 --xline 21", "--iline 5 --xline 13")


def test_a_folder_that_cannot_be_written_is_named(run_script: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "x.bin"
    done = run_script("segy_to_binary", "--input", good(tmp_path / "x.sgy"), "--output", output)
    refused_in_one_line(done, str(tmp_path / "file"))


def test_a_full_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil._ntuple_diskusage(10**9, 10**9 - 100, 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    refuses(good(tmp_path / "x.sgy"), tmp_path, "GB free")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file"), (b"", "SEG-Y")],
    ids=["missing", "empty"],
)
def test_a_file_that_is_not_segy_is_refused_by_name(
    run_script: Run, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    segy = tmp_path / "x.sgy"
    if content is not None:
        segy.write_bytes(content)
    done = run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin")
    refused_in_one_line(done, "x.sgy", reason)
    assert [p.name for p in tmp_path.iterdir()] == ([] if content is None else ["x.sgy"])


def test_a_prestack_file_is_refused_with_the_reason(
    run_script: Run, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "segy" / "small-ps.sgy"
    done = run_script("segy_to_binary", "--input", source, "--output", tmp_path / "x.bin")
    refused_in_one_line(done, "small-ps.sgy", "pre-stack")
    assert not list(tmp_path.iterdir())


def test_a_volume_of_one_amplitude_is_refused(run_script: Run, tmp_path: Path) -> None:
    segy = write_segy(tmp_path / "x.sgy", np.full((3, 3, 8), 7, np.float32))
    done = run_script("segy_to_binary", "--input", segy, "--output", tmp_path / "x.bin")
    refused_in_one_line(done, "x.sgy", "the same")
    assert [p.name for p in tmp_path.iterdir()] == ["x.sgy"]
