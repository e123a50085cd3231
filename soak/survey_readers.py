"""Readers of surveys that are not 3D SEG-Y, with valid files and criteria for corrupt ones."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mutations import mutated_bytes, mutated_json
from readers import Reader
from segy_bytes import integers, write_bytes
from strataflow.errors import StrataflowError
from strataflow.formats.opening import Reading, convert_survey
from strataflow.volume.volume import open_volume
from test_formats import write_mdio, write_vds, write_zgy


def survey_readers(folder: Path) -> list[Reader]:
    """Return the readers. Valid and mutated files are in `folder`."""
    return [
        _line(folder),
        _npy(folder),
        _file(folder, "ZGY", write_zgy(folder / "good.zgy")),
        _file(folder, "OpenVDS", write_vds(folder / "good.vds")),
        *_mdio(folder),
    ]


def _converted(path: Path, folder: Path) -> Any:
    convert_survey(path, folder / "read.bin", Reading())
    return np.array(open_volume(folder / "read.bin").values)


def _not_finite(_: Path, values: Any) -> str | None:
    return None if np.isfinite(values).all() else "values that are not finite"


def _line(folder: Path) -> Reader:
    values = integers((30, 1, 12))[:, 0]

    def header(i: int) -> dict[int, int]:
        return {21: 100 + i, 181: 5000 + 25 * i, 185: 7000 + 10 * i, 71: 1}

    valid = write_bytes(folder / "line.sgy", values.tolist(), header).read_bytes()

    def read(path: Path) -> Any:
        path.with_suffix(".sgy").write_bytes(path.read_bytes())
        return _converted(path.with_suffix(".sgy"), folder)

    return Reader("2D line in SEG-Y", (valid,), mutated_bytes, read, _not_finite)


def _npy(folder: Path) -> Reader:
    valid = []
    for kind in ("<f4", ">f8", "<i2"):
        stream = BytesIO()
        np.save(stream, integers((3, 4, 12)).astype(kind))
        valid.append(stream.getvalue())

    def read(path: Path) -> Any:
        path.with_suffix(".npy").write_bytes(path.read_bytes())
        return _converted(path.with_suffix(".npy"), folder)

    def wrong(path: Path, values: Any) -> str | None:
        with np.errstate(all="ignore"):
            known = np.load(path.with_suffix(".npy"), allow_pickle=False).astype(np.float32)
        known = np.nan_to_num(known, nan=0, posinf=0, neginf=0).reshape(values.shape)
        # Null traces and null values are zeros.
        there = values != 0
        return None if np.array_equal(values[there], known[there]) else "samples differ from NumPy"

    return Reader(".npy", tuple(valid), mutated_bytes, read, wrong)


def _file(folder: Path, name: str, good: Path) -> Reader:
    def read(path: Path) -> Any:
        copy = path.with_suffix(good.suffix)
        copy.write_bytes(path.read_bytes())
        return in_child(lambda: _converted(copy, folder))

    return Reader(name, (good.read_bytes(),), mutated_bytes, read, _not_finite)


def _mdio(folder: Path) -> list[Reader]:
    good = write_mdio(folder / "good.mdio")

    def reader(name: str, inside: str, mutate: Any) -> Reader:
        def read(path: Path) -> Any:
            copy = folder / "bad.mdio"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(good, copy)
            (copy / inside).write_bytes(path.read_bytes())
            return in_child(lambda: _converted(copy, folder))

        return Reader(name, ((good / inside).read_bytes(),), mutate, read, _not_finite)

    return [
        reader("MDIO metadata", "amplitude/zarr.json", mutated_json),
        reader("MDIO chunk", "amplitude/c/0/0/0", mutated_bytes),
    ]


def in_child(read: Callable[[], Any]) -> Any:
    """The result of `read`, in a process of its own: libraries in C++ may crash it."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        try:
            answer = pickle.dumps(read())
        except StrataflowError as error:
            answer = pickle.dumps(error)
        except BaseException as error:
            answer = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
        with os.fdopen(theirs, "wb") as stream:
            stream.write(answer)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    if not answer:
        raise RuntimeError(f"the library ended the process by signal {os.WTERMSIG(status)}")
    result = pickle.loads(answer)
    if isinstance(result, Exception):
        raise result
    return result
