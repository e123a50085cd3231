"""Mutations of good files, found and made small by hypothesis: refused, or rightly taken."""

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
def test_good_files_are_taken(known: dict[str, tuple[Reader, Path]], name: str) -> None:
    reader, path = known[name]
    tally = Tally()
    for content in reader.good:
        try_one(reader, content, path, tally)
    assert dict(tally.counts) == {"taken": len(reader.good)}


@pytest.mark.parametrize("name", NAMES)
def test_bad_files_are_refused_with_a_reason_or_rightly_taken(
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
    def no_mutation_is_lost(data: st.DataObject) -> None:
        good = data.draw(st.sampled_from(reader.good))
        tally = Tally()
        mutated = reader.mutate(good, lambda low, high: data.draw(st.integers(low, high)))
        try_one(reader, mutated, path, tally)
        assert not tally.lost, tally.lost[0][0]

    no_mutation_is_lost()


@pytest.mark.parametrize("name", ["sidecar of a raw volume", "description of a slab", ".vgi"])
def test_a_claim_of_a_million_million_samples_is_refused_before_anything_is_allocated(
    known: dict[str, tuple[Reader, Path]], name: str
) -> None:
    reader, path = known[name]
    claim = reader.good[0].decode()
    for before, after in (
        ('"n1": 12', '"n1": 10000'),
        ('"n2": 4', '"n2": 10000'),
        ('"n3": 3', '"n3": 10000'),
        ("12\n ]", "100000000\n ]"),
        ("16,\n  16,\n  16", "10000,\n  10000,\n  10000"),
        ("size = 12 4 3", "size = 10000 10000 10000"),
    ):
        claim = claim.replace(before, after)
    assert claim.count("0000") >= 3, "the test claims nothing"
    path.write_text(claim)
    with pytest.raises(reader.refusals, match="4000000000000"):
        reader.read(path)


def test_every_reader_is_tried(known: dict[str, tuple[Reader, Path]]) -> None:
    assert tuple(known) == NAMES


def test_what_is_lost_would_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("readers.SECONDS", 1)

    def read(path: Path) -> bytes:
        content = path.read_bytes()
        if content == b"hang":
            while True:
                pass
        return bytes(1 << 45) if content == b"large" else content[:4] + bytes([content[4]])

    def wrong(_: Path, result: bytes) -> str | None:
        return "not good" if result != b"good " else None

    reader = Reader("test", (b"good ",), lambda good, _: good, read, wrong)
    tally = Tally()
    with bounded_memory():
        for content in (b"good ", b"hang", b"large", b"bad  ", b""):
            try_one(reader, content, tmp_path / "file", tally)
    assert tally.counts == {"taken": 1, "hung": 1, "wrong": 1, "crashed": 2}
