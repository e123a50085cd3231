"""Readers of external files, with valid files and criteria for corrupt ones."""

from __future__ import annotations

import configparser
import json
import re
import resource
import signal
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import segyio
import torch
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError

from conftest import REPOSITORY
from mutations import Draw, mutated_bytes, mutated_json, mutated_table, mutated_yaml
from random_network import network, stored
from segy_bytes import integers, lines, write_bytes
from strataflow.errors import StrataflowError
from strataflow.formats.opening import Reading, convert_survey
from strataflow.network.weights import load_network
from strataflow.prediction.slabs import Slab, read_description, write_description
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar, sidecar_path
from strataflow.volume.volume import attribute_path, open_volume, write_volume
from strataflow.workflow.configuration import require_configuration
from strataflow.workflow.sheet import read_sheet

# Limits of time and memory for reading a tiny file.
SECONDS = 20
EXTRA_BYTES = 2 << 30

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class TookTooLongError(Exception):
    """A reader did not finish in time."""


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    Attributes:
        name: Kind of file.
        valid: Contents of valid files.
        mutate: Returns a mutation of a valid content.
        read: Reads the file at a path.
        wrong: Returns what is wrong with the result of `read`, or None.
        refusals: Errors that `read` raises, with a message, for an invalid file.
    """

    name: str
    valid: tuple[bytes, ...]
    mutate: Callable[[bytes, Draw], bytes]
    read: Callable[[Path], Any]
    wrong: Callable[[Path, Any], str | None]
    refusals: tuple[type[BaseException], ...] = (StrataflowError,)


@dataclass
class Tally:
    """Outcomes of reading mutated files, with the failures and the content of their files."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, bytes]] = field(default_factory=list)


def try_one(reader: Reader, content: bytes, path: Path, tally: Tally) -> None:
    """Write `content` to `path`, read it, and add the outcome to `tally`."""
    path.write_bytes(content)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        outcome = _outcome(reader, path)
    tally.counts[outcome.split(":")[0]] += 1
    if not outcome.startswith(("refused", "accepted")):
        tally.failures.append((outcome, content))


def _outcome(reader: Reader, path: Path) -> str:
    try:
        with _ending_in_time():
            result = reader.read(path)
    except reader.refusals as refusal:
        reason = str(refusal).strip()
        return "refused" if reason else f"crashed: {type(refusal).__name__} without a message"
    except TookTooLongError:
        return f"hung: not finished within {SECONDS} s"
    except (Exception, SystemExit) as error:
        return f"crashed: {type(error).__name__}: {error}"
    wrong = reader.wrong(path, result)
    return f"wrong: {wrong}" if wrong else "accepted"


@contextmanager
def _ending_in_time() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TookTooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Limit the memory of this process to EXTRA_BYTES more than now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(
        resource.RLIMIT_AS, (pages * resource.getpagesize() + EXTRA_BYTES, before[1])
    )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def readers(folder: Path) -> list[Reader]:
    """Return all readers. Valid and mutated files are in `folder`."""
    return [
        _segy(folder),
        _sidecar(folder),
        _slab(folder),
        _configuration(),
        _sheet(),
        _vgi(folder),
        _checkpoint(folder),
    ]


def _segy(folder: Path) -> Reader:
    values = integers((3, 4, 12)).reshape(12, 12).tolist()
    kinds: tuple[dict[str, Any], ...] = (
        {},
        {"code": 1},
        {"code": 3, "order": "<"},
        {"code": 7, "revision": 0},
        {"revision": 2, "binary": {3507: ("i", 1)}, "more": bytes(240)},
        {"extended": (b" " * 3200,)},
    )
    valid = tuple(
        write_bytes(folder / "good.sgy", values, lines(4), **kind).read_bytes() for kind in kinds
    )

    def read(path: Path) -> Any:
        convert_survey(path, folder / "read.bin", Reading())
        return open_volume(folder / "read.bin")

    return Reader("SEG-Y", valid, mutated_bytes, read, _differs_from_segyio)


def _differs_from_segyio(path: Path, volume: Any) -> str | None:
    """Compare the samples with those of segyio, if both find the same traces."""
    source, axes = volume.sidecar.source, volume.sidecar.axes
    if source["format"].startswith("3-byte"):
        # segyio reads these as IBM floats.
        return None
    try:
        with segyio.open(path, ignore_geometry=True, endian=source["byte_order"]) as file:
            traces = file.trace.raw[:]
            inline, crossline = (file.attributes(byte)[:] for byte in (189, 193))
    except (RuntimeError, OSError, ValueError, IndexError, KeyError, struct.error):
        return None
    if traces.shape != (source["traces"], volume.shape.n1):
        return None
    expected = np.nan_to_num(traces.astype(np.float32), nan=0, posinf=0, neginf=0)
    i3 = ((inline - axes[0].first) // axes[0].step).astype(int)
    i2 = ((crossline - axes[1].first) // axes[1].step).astype(int)
    return None if np.array_equal(volume.values[i3, i2], expected) else "samples differ from segyio"


def _sidecar(folder: Path) -> Reader:
    raw, values = folder / "volume.bin", integers((3, 4, 12))
    write_volume(raw, values, plain_sidecar(Shape(12, 4, 3), "image"))
    valid = sidecar_path(raw).read_bytes()

    def read(path: Path) -> Any:
        sidecar_path(raw).write_bytes(path.read_bytes())
        return open_volume(raw)

    def wrong(_: Path, volume: Any) -> str | None:
        return None if np.array_equal(volume.values, values) else f"read as {volume.shape}"

    return Reader("sidecar of a raw volume", (valid,), mutated_json, read, wrong)


def _slab(folder: Path) -> Reader:
    prefix = folder / "slab"
    slab = Slab(0, 1, (16, 16, 16), (16, 16, 16), 0.25, ("dhr",))
    integers((16, 16, 16)).tofile(attribute_path(prefix, "dhr"))
    described = folder / "slab.slab.json"
    write_description(described, slab, {"dhr": attribute_path(prefix, "dhr")})

    def read(path: Path) -> Slab:
        described.write_bytes(path.read_bytes())
        return read_description(prefix)

    def wrong(_: Path, found: Slab) -> str | None:
        same = found.shape[1:] == slab.shape[1:] and found.tasks == slab.tasks
        # join_slabs compares the other fields with the other slabs and with the volume.
        return None if same or found.n_bytes("dhr") == slab.n_bytes("dhr") else f"read as {found}"

    valid = described.read_bytes()
    return Reader("description of a slab", (valid,), mutated_json, read, wrong)


def _function(path: Path, name: str, known: dict[str, Any]) -> Any:
    """Return a function of a file that cannot be imported here. `known` are its globals."""
    blocks = re.split(r"\n\n\n", path.read_text())
    (source,) = (block for block in blocks if block.startswith(f"def {name}("))
    exec(source, known)
    return known[name]


def _configuration() -> Reader:
    valid = (REPOSITORY / "config" / "config.yaml").read_bytes()

    def read(path: Path) -> Any:
        config = load_configfile(str(path))
        require_configuration(config)
        return config

    def wrong(_: Path, config: Any) -> str | None:
        names = config["synthetic"].get("surveys", {})
        odd = [name for name in names if not re.fullmatch(r"[A-Za-z0-9_-]+", name)]
        return f"invalid survey names {odd}" if odd else None

    # Snakemake reads the file first, and refuses invalid text.
    refusals = (StrataflowError, WorkflowError, UnicodeDecodeError)
    return Reader("config.yaml", (valid,), mutated_yaml, read, wrong, refusals)


def _sheet() -> Reader:
    valid = (REPOSITORY / "config" / "volumes.tsv").read_bytes()
    more = b"volume\tsegy\tiline\tpredict\nnorth\ta b.sgy\t9\ttrue\nsouth\tc.sgy\t\tfalse\n"

    def wrong(_: Path, rows: dict[str, Any]) -> str | None:
        odd = [name for name in rows if not PLAIN_NAME.fullmatch(name)]
        return f"invalid volume names {odd}" if odd else None

    return Reader("volumes.tsv", (valid, more), mutated_table, read_sheet, wrong)


def _vgi(folder: Path) -> Reader:
    from strataflow.volume.metaimage import export_vgi

    raw = folder / "shown.fsem"
    write_volume(raw, integers((3, 4, 12)), plain_sidecar(Shape(12, 4, 3), "fsem"))
    export_vgi(open_volume(raw), folder / "good.vgi")
    plugin = REPOSITORY / "workflow_scripts" / "paraview" / "vgi_reader.py"
    types = {"float": "<f4", "signed integer": "<i4"}
    known = {"Path": Path, "configparser": configparser, "json": json, "SAMPLE_TYPES": types}
    read_header = _function(plugin, "read_header", known)

    def wrong(_: Path, header: Any) -> str | None:
        found, size, _spacing, _type = header
        return None if found.stat().st_size == 4 * np.prod(size) else f"read as {size}"

    valid = (folder / "good.vgi").read_bytes()
    refusals = (OSError, RuntimeError)
    return Reader(".vgi", (valid,), mutated_bytes, read_header, wrong, refusals)


def _checkpoint(folder: Path) -> Reader:
    valid = stored(network(), folder / "good.pth").read_bytes()
    state = load_network(folder / "good.pth", "infer", ()).state_dict()

    def read(path: Path) -> Any:
        return load_network(path, "infer", ()).state_dict()

    def wrong(_: Path, found: dict[str, torch.Tensor]) -> str | None:
        differing = [name for name in state if not torch.equal(state[name], found[name])]
        return f"different weights in {differing}" if differing else None

    return Reader("checkpoint", (valid,), mutated_bytes, read, wrong)
