"""Readers of horizons, control, fault sticks and picked faults, with valid and corrupt files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import test_fit_rgt as faults
import test_horizon_files as horizons
import test_labels as labels
from mutations import mutated_bytes, mutated_table
from readers import Reader
from strataflow.figures.fault_lines import read_vtp
from strataflow.interpretation.control import ControlSet, load_control, read_control, write_control
from strataflow.interpretation.horizon_grids import read_horizons
from strataflow.interpretation.meshes import Mesh, write_vtp
from strataflow.interpretation.stick_files import MARGIN, read_sticks
from strataflow.interpretation.surface_files import CELLS, load_surfaces, save_surfaces
from strataflow.volume import tables
from survey_readers import in_child


def interpretation_readers(folder: Path) -> list[Reader]:
    """Return the readers. Valid and mutated files are in `folder`."""
    return [
        _horizons(),
        _irap(folder),
        _points(),
        _sticks(),
        _table_of_horizons(),
        _control(folder),
        _surfaces(folder),
        _meshes(folder),
    ]


def _outside(samples: Any) -> str | None:
    """What is wrong with samples of a horizon: they are within the survey, or NaN."""
    known = np.asarray(samples)[np.isfinite(samples)]
    last = horizons.SHAPE.n1 - 1
    return None if ((known >= -0.5) & (known <= last + 0.5)).all() else "outside of the survey"


def _horizons() -> Reader:
    valid = tuple(text.encode() for text in horizons.FILES.values())

    def read(path: Path) -> Any:
        found = read_horizons([path], horizons.SIDECAR)
        return np.stack([horizon.samples for horizon in found])

    return Reader("horizon as text", valid, mutated_table, read, lambda _, found: _outside(found))


def _irap(folder: Path) -> Reader:
    surface = horizons.irap(horizons.truth(), horizons.SIDECAR)
    surface.to_ascii_file(folder / "ascii.irap")
    surface.to_binary_file(folder / "binary.irap")
    valid = tuple((folder / f"{kind}.irap").read_bytes() for kind in ("ascii", "binary"))

    def read(path: Path) -> Any:
        return in_child(lambda: read_horizons([path], horizons.SIDECAR)[0].samples)

    return Reader("Irap grid", valid, mutated_bytes, read, lambda _, found: _outside(found))


def _points() -> Reader:
    rows = horizons.table().assign(set="top")[["set", "inline", "crossline", "time"]]
    valid = rows.to_csv(index=False).encode()

    def read(path: Path) -> Any:
        sets, _ = read_control([], path, horizons.SIDECAR)
        return np.concatenate([one.points for one in sets])

    def wrong(_: Path, points: Any) -> str | None:
        last = np.array(horizons.SHAPE.array) - 1
        inside = (points >= -0.5) & (points <= last + 0.5)
        return None if inside.all() else "points outside of the survey"

    return Reader("control points", (valid,), mutated_table, read, wrong)


def _sticks() -> Reader:
    valid = tuple(text().encode() for text in labels.FORMS.values())

    def read(path: Path) -> Any:
        found, _ = read_sticks([path], labels.sidecar())
        return np.concatenate([stick.points for stick in found], axis=1)

    def wrong(_: Path, points: Any) -> str | None:
        last = np.array(labels.SHAPE.array)[:, None] - 1
        inside = (points >= -MARGIN) & (points <= last + MARGIN)
        return None if inside.all() else "points outside of the survey"

    return Reader("fault sticks", valid, mutated_table, read, wrong)


def _table_of_horizons() -> Reader:
    rows = horizons.table().rename(columns={"time": "horizon_01"})
    valid = rows.assign(horizon_02=rows["horizon_01"] + 40).to_csv(index=False).encode()

    def read(path: Path) -> Any:
        return tables.read_horizons(path, horizons.SIDECAR)

    def wrong(_: Path, found: Any) -> str | None:
        names, samples = found
        shape = (len(names), *horizons.SHAPE.array[:2])
        return None if samples.shape == shape else f"of shape {samples.shape}"

    return Reader("table of horizons", (valid,), mutated_table, read, wrong)


def _control(folder: Path) -> Reader:
    points = np.random.default_rng(1).uniform(0, 8, (20, 3)).astype(np.float32)
    write_control(folder / "good.npz", [ControlSet("top", points, 1.0)])

    def wrong(_: Path, found: Any) -> str | None:
        same = len(found) == 1 and np.array_equal(found[0].points, points)
        return None if same else "different points"

    valid = (folder / "good.npz").read_bytes()
    return Reader("control .npz", (valid,), mutated_bytes, load_control, wrong)


def _surfaces(folder: Path) -> Reader:
    fault = faults.plane(faults.NORMALS[0], 9.0)
    save_surfaces(folder / "faults.npz", [fault], faults.SHAPE)

    def read(path: Path) -> Any:
        return load_surfaces(path, faults.SHAPE)

    def wrong(_: Path, found: Any) -> str | None:
        same = len(found) == 1 and all(
            np.array_equal(getattr(found[0], name), getattr(fault, name)) for name in CELLS
        )
        return None if same else "different surfaces"

    valid = (folder / "faults.npz").read_bytes()
    return Reader("fault surfaces .npz", (valid,), mutated_bytes, read, wrong)


def _meshes(folder: Path) -> Reader:
    places = np.random.default_rng(1).uniform(0, 100, (6, 3))
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    mesh = Mesh(1, places, triangles, {"throw": places[:, 0]})
    write_vtp(folder / "good.vtp", [mesh], ["throw"], "fault")

    def read(path: Path) -> Any:
        return in_child(lambda: read_vtp(path))

    def wrong(_: Path, found: Any) -> str | None:
        ends = found.triangles
        if ends.size and (ends.min() < 0 or ends.max() >= len(found.places)):
            return "triangles without vertices"
        lengths = {len(values) for values in found.data.values()}
        return None if lengths <= {len(found.places)} else "values without vertices"

    valid = (folder / "good.vtp").read_bytes()
    return Reader("fault meshes .vtp", (valid,), mutated_bytes, read, wrong)
