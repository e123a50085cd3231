"""Mutated files are refused with a message or read correctly. hypothesis finds minimal failures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readers import Reader, Tally, bounded_memory, readers, try_one

pytestmark = pytest.mark.reliability

NAMES = (
    "SEG-Y",
    "sidecar of a raw volume",
    "description of a slab",
    "config.yaml",
    "volumes.tsv",
    ".vgi",
    "checkpoint",
)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Reader, Path]]]:
    folder = tmp_path_factory.mktemp("files")
    made = {reader.name: (reader, folder / "bad") for reader in readers(folder)}
    with bounded_memory():
        yield made


@pytest.mark.parametrize("name", NAMES)
def test_valid_files_are_accepted(known: dict[str, tuple[Reader, Path]], name: str) -> None:
    reader, path = known[name]
    tally = Tally()
    for content in reader.valid:
        try_one(reader, content, path, tally)
    assert dict(tally.counts) == {"accepted": len(reader.valid)}


@pytest.mark.parametrize("name", NAMES)
def test_mutated_files_are_refused_with_a_message_or_read_correctly(
    known: dict[str, tuple[Reader, Path]], name: str
) -> None:
    reader, path = known[name]

    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def no_mutation_fails(data: st.DataObject) -> None:
        valid = data.draw(st.sampled_from(reader.valid))
        tally = Tally()
        mutated = reader.mutate(valid, lambda low, high: data.draw(st.integers(low, high)))
        try_one(reader, mutated, path, tally)
        assert not tally.failures, tally.failures[0][0]

    no_mutation_fails()


@pytest.mark.parametrize("name", ["sidecar of a raw volume", "description of a slab", ".vgi"])
def test_a_header_with_a_trillion_samples_is_refused_before_memory_is_allocated(
    known: dict[str, tuple[Reader, Path]], name: str
) -> None:
    reader, path = known[name]
    header = reader.valid[0].decode()
    for before, after in (
        ('"n1": 12', '"n1": 10000'),
        ('"n2": 4', '"n2": 10000'),
        ('"n3": 3', '"n3": 10000'),
        ("12\n ]", "100000000\n ]"),
        ("16,\n  16,\n  16", "10000,\n  10000,\n  10000"),
        ("size = 12 4 3", "size = 10000 10000 10000"),
    ):
        header = header.replace(before, after)
    assert header.count("0000") >= 3, "no size was replaced"
    path.write_text(header)
    with pytest.raises(reader.refusals, match="4000000000000"):
        reader.read(path)


def test_every_reader_is_tested(known: dict[str, tuple[Reader, Path]]) -> None:
    assert tuple(known) == NAMES


def test_hangs_crashes_and_wrong_results_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("readers.SECONDS", 1)

    def read(path: Path) -> bytes:
        content = path.read_bytes()
        if content == b"hang":
            while True:
                pass
        return bytes(1 << 45) if content == b"large" else content[:4] + bytes([content[4]])

    def wrong(_: Path, result: bytes) -> str | None:
        return "not the written content" if result != b"good " else None

    reader = Reader("test", (b"good ",), lambda valid, _: valid, read, wrong)
    tally = Tally()
    with bounded_memory():
        for content in (b"good ", b"hang", b"large", b"bad  ", b""):
            try_one(reader, content, tmp_path / "file", tally)
    assert tally.counts == {"accepted": 1, "hung": 1, "wrong": 1, "crashed": 2}
