"""Horizon files of other programs, placed on the grid of a survey."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import surfio

from strataflow.errors import StrataflowError
from strataflow.interpretation.horizon_grids import Horizon, read_horizons
from strataflow.interpretation.horizon_names import horizon_paths
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import Sidecar
from turned_survey import turned_survey

SHAPE = Shape(n1=101, n2=12, n3=9)
SIDECAR = turned_survey(SHAPE)


def truth() -> np.ndarray:
    """A dipping horizon in samples (n3, n2), undefined in one corner."""
    i3, i2 = np.indices((9, 12))
    samples = 40 + 2.5 * i3 - 1.25 * i2
    samples[:2, :3] = np.nan
    return samples


def table(samples: np.ndarray | None = None, sidecar: Sidecar = SIDECAR) -> pd.DataFrame:
    """Nodes of a horizon: inline, crossline, x, y, time, without undefined ones."""
    samples = truth() if samples is None else samples
    i3, i2 = np.nonzero(np.isfinite(samples))
    return pd.DataFrame(sidecar.places(np.stack([i3, i2, samples[i3, i2]])))


def read(path: Path, sidecar: Sidecar = SIDECAR) -> Horizon:
    (horizon,) = read_horizons([path], sidecar)
    return horizon


def refusal(path: Path, sidecar: Sidecar = SIDECAR) -> str:
    with pytest.raises(StrataflowError) as error:
        read_horizons([path], sidecar)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    return str(error.value)


def columns(rows: pd.DataFrame, names: str, separator: str = " ", header: str = "") -> str:
    text = rows[names.split()].to_csv(sep=separator, index=False, header=False, float_format="%.3f")
    return header + text


def charisma() -> str:
    return "".join(
        f"INLINE : {r.inline:.0f} XLINE : {r.crossline:.0f} {r.x:14.2f} {r.y:14.2f} {r.time:9.2f}\n"
        for r in table().itertuples()
    )


PETREL = "# Petrel Points\nVERSION 1\nBEGIN HEADER\nX\nY\nZ\nEND HEADER\n"
OPENDTECT = "# 1: Inline\n# 2: Crossline\n# 3: Z (ms)\n# - - - - - -\n"
NAMED = table().assign(horizon="top sand")

FILES = {
    "csv": columns(table(), "inline crossline time", ",", "inline,crossline,time\n"),
    "other names": columns(table(), "crossline inline time", ";", "XLine;ILine;TWT (ms)\n"),
    "x and y in csv": columns(table(), "x y time", ",", '"X (m)","Y (m)",Z\n'),
    "all columns": columns(table(), "inline crossline x y time", "\t", "IL\tXL\tX\tY\tTWT_ms\n"),
    "more columns": columns(
        table().assign(amplitude=1.5), "amplitude x y time", ",", "amplitude,easting,northing,twt\n"
    ),
    "decimal commas": columns(table(), "x y time", ";", "x;y;time\n").replace(".", ","),
    "plain lines": columns(table(), "inline crossline time"),
    "plain x y z": columns(table(), "x y time"),
    "plain, all five": columns(table(), "x y time inline crossline"),
    "words over columns": columns(
        table(), "inline crossline time", " ", "Inline  Xline  Time (ms)\n"
    ),
    "opendtect": columns(table(), "inline crossline time", "\t", OPENDTECT),
    "opendtect, x and y": columns(table(), "x y time", "\t"),
    "opendtect, named": columns(NAMED, "horizon x y time", "\t"),
    "petrel points": columns(table().assign(time=-table()["time"]), "x y time", " ", PETREL),
    "charisma": charisma(),
    "seconds by name": columns(
        table().assign(time=table()["time"] / 1000),
        "inline crossline time",
        ",",
        "il,xl,time (s)\n",
    ).replace(".3f", ""),
    "byte order mark": "\ufeff" + columns(table(), "x y time", ",", "x,y,time\n"),
}


@pytest.mark.parametrize("kind", FILES)
def test_text_files_give_the_same_horizon(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "top.dat"
    path.write_text(FILES[kind])
    horizon = read(path)
    assert horizon.samples.dtype == np.float32
    # Times in the files have three decimals, also where they are seconds.
    np.testing.assert_allclose(horizon.samples, truth(), atol=0.13, equal_nan=True)
    assert horizon.name == ("top sand" if kind.endswith("named") else "top")


def irap(samples: np.ndarray, sidecar: Sidecar) -> surfio.IrapSurface:
    """Write a horizon on the traces of a survey as an Irap grid, by surfio alone."""
    origin, step3, step2 = sidecar.lattice()
    # Crosslines to the east of inlines: columns along n2, rows along n3.
    assert step2[0] * step3[1] - step2[1] * step3[0] > 0
    header = surfio.IrapHeader(
        ncol=samples.shape[1],
        nrow=samples.shape[0],
        xori=origin[0],
        yori=origin[1],
        xinc=float(np.hypot(*step2)),
        yinc=float(np.hypot(*step3)),
        rot=float(np.degrees(np.arctan2(step2[1], step2[0]))),
    )
    axis = sidecar.axes[2]
    values = axis.first + axis.step * samples
    return surfio.IrapSurface(header, values.T.astype(np.float32))


@pytest.mark.parametrize("binary", [False, True])
def test_irap_grids_on_the_traces_are_read_exactly(binary: bool, tmp_path: Path) -> None:
    surface = irap(truth(), SIDECAR)
    write = surface.to_binary_file if binary else surface.to_ascii_file
    write(tmp_path / "top.irap")
    horizon = read(tmp_path / "top.irap")
    np.testing.assert_allclose(horizon.samples, truth(), atol=2e-3, equal_nan=True)


def test_irap_grids_between_traces_are_interpolated(tmp_path: Path) -> None:
    # A plane on a grid of 60 m by 40 m that covers the survey and more, turned against it.
    header = surfio.IrapHeader(ncol=20, nrow=20, xori=500, yori=1800, xinc=60, yinc=40, rot=10)
    turn = np.radians(10)
    column, row = np.indices((20, 20))
    x = 500 + 60 * column * np.cos(turn) - 40 * row * np.sin(turn)
    y = 1800 + 60 * column * np.sin(turn) + 40 * row * np.cos(turn)
    plane = 600 + 0.05 * (x - 1000) + 0.1 * (y - 2000)
    surfio.IrapSurface(header, plane.astype(np.float32)).to_ascii_file(tmp_path / "plane.irap")
    horizon = read(tmp_path / "plane.irap")
    i3, i2 = np.indices((9, 12))
    places = SIDECAR.places(np.stack([i3, i2, 0 * i2]))
    expected = 600 + 0.05 * (places["x"] - 1000) + 0.1 * (places["y"] - 2000)
    np.testing.assert_allclose(horizon.samples, (expected - 400) / 4, atol=1e-2)
    assert "interpolated" in horizon.notes[-1]


def of_xtgeo(surface: surfio.IrapSurface) -> SimpleNamespace:
    """A surface as xtgeo has it, with undefined nodes masked."""
    h = surface.header
    return SimpleNamespace(
        xori=h.xori,
        yori=h.yori,
        xinc=h.xinc,
        yinc=h.yinc,
        yflip=1,
        rotation=h.rot,
        values=np.ma.masked_invalid(surface.values),
    )


def test_zmap_grids_are_read_by_xtgeo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "top.zmap"
    path.write_text("! a comment\n@ top HEADER, GRID, 5\n15, -99999, , 4, 1\n")
    monkeypatch.setitem(sys.modules, "xtgeo", None)
    assert "a ZMAP+ grid needs xtgeo; install it with: pip install xtgeo" in refusal(path)
    given = of_xtgeo(irap(truth(), SIDECAR))
    fake = SimpleNamespace(
        surface_from_file=lambda name, fformat: {(str(path), "zmap_ascii"): given}[name, fformat]
    )
    monkeypatch.setitem(sys.modules, "xtgeo", fake)
    np.testing.assert_allclose(read(path).samples, truth(), atol=2e-3, equal_nan=True)


def test_points_between_traces_are_interpolated_but_not_across_gaps(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    at = generator.uniform([0, 0], [8, 11], (2000, 2)).T
    at = at[:, (at[1] < 3) | (at[1] > 8)]
    z = 40 + 2.5 * at[0] - 1.25 * at[1]
    rows = pd.DataFrame(SIDECAR.places(np.stack([*at, z])))
    path = tmp_path / "points.xyz"
    path.write_text(columns(rows, "x y time"))
    samples = read(path).samples
    expected = 40 + 2.5 * np.arange(9)[:, None] - 1.25 * np.arange(12)
    inner = np.s_[1:-1, [1, 2, 9, 10]]
    np.testing.assert_allclose(samples[inner], expected[inner], atol=0.02)
    assert np.isnan(samples[:, 4:8]).all()


def test_undefined_nodes_are_left_out(tmp_path: Path) -> None:
    for code in ("1e30", "-999.25", "9999900.000000", "NaN", "", "null"):
        path = tmp_path / "top.csv"
        path.write_text(f"inline,crossline,time\n100,500,600\n102,501,{code}\n")
        assert np.isfinite(read(path).samples).sum() == 1, code


def test_files_with_several_horizons_and_the_same_name(tmp_path: Path) -> None:
    rows = "100,500,600,top\n102,501,608,top\n100,500,700,base\n"
    (tmp_path / "all.csv").write_text("inline,crossline,time,horizon\n" + rows)
    both = read_horizons([tmp_path / "all.csv"], SIDECAR)
    assert [horizon.name for horizon in both] == ["top", "base"]
    assert both[0].samples[1, 1] == 52
    (tmp_path / "top.csv").write_text("inline,crossline,time\n100,500,600\n")
    with pytest.raises(StrataflowError, match=r"top\.csv: horizon 'top' is in .*all\.csv"):
        read_horizons([tmp_path / "all.csv", tmp_path / "top.csv"], SIDECAR)


def test_nodes_on_dead_traces_and_beyond_the_survey_are_left_out(tmp_path: Path) -> None:
    live = np.ones((9, 12), bool)
    live[1, 1] = False
    path = tmp_path / "top.csv"
    path.write_text("inline,crossline,time\n100,500,600\n102,501,600\n98,500,600\n104,502,900\n")
    horizon = read(path, replace(SIDECAR, live=live))
    assert np.argwhere(np.isfinite(horizon.samples)).tolist() == [[0, 0]]
    assert "1 of 4 nodes lie outside the survey" in horizon.notes[0]


BAD = {
    "empty": ("", "empty"),
    "words": ("these are\nonly words\n", "no rows of numbers, expected inline, crossline"),
    "binary": ("\x00\x01\x02\x03" * 20, "binary file of an unknown format"),
    "four columns": ("1 2 3 4\n", "4 columns without names"),
    "no vertical": ("inline,crossline,gamma\n1,2,3\n", "columns inline, crossline, gamma"),
    "twice": ("il,inline,xl,time\n1,1,2,3\n", "'il' and 'inline' mean the same"),
    "ragged": ("inline,crossline,time\n100,500,600\n102,501\n", "line 3: 2 columns, expected 3"),
    "not a number": (
        "inline,crossline,time\n100,500,600\n102,x,600\n",
        "line 3: expected a number",
    ),
    "no inline": ("inline,crossline,time\n100,500,600\n,501,600\n", "line 3: no inline"),
    "undefined": ("inline,crossline,time\n100,500,1e30\n", "all nodes are undefined"),
    "elsewhere": (
        "inline,crossline,time\n900,500,600\n902,501,600\n",
        "no overlap with the survey: it has inlines 900 to 902, crosslines 500 to 501, the survey"
        " inlines 100 to 116, crosslines 500 to 511",
    ),
    "elsewhere, unnamed": ("9e5 8e6 600\n9e5 9e6 600\n", "no overlap with the survey"),
    "other survey": (
        "inline,crossline,x,y,time\n100,500,7000,9000,600\n102,501,7010,9020,604\n",
        "x and y at inline 100, crossline 500 lie",
    ),
    "depth by name": (
        "inline,crossline,depth\n100,500,600\n",
        "is in depth, but the survey is in time",
    ),
    "feet": ("inline,crossline,z (ft)\n100,500,600\n", "is in depth, but the survey is in time"),
    "deep": (
        "inline,crossline,z\n100,500,2600\n102,501,2610\n",
        "100% of the nodes lie outside the survey's 400 to 800 ms: they have 2600 to 2610; are they"
        " depths",
    ),
    "seconds": (
        "inline,crossline,z\n100,500,0.6\n102,501,0.61\n",
        "values from 0.6 to 0.61 fit the survey if they are in s, but it is in ms",
    ),
    "doubled": (
        "inline,crossline,time\n100,500,600\n104,502,640\n100,500,650\n",
        "doubled nodes with different times at 1 places, first at inline 100, crossline 500: 600"
        " and 650 ms",
    ),
    "between lines": ("inline,crossline,time\n101,500,600\n103,500,600\n", "off the grid"),
    "irap": (
        "-996 3 3 50 50\n0 100 0 100\n3 0 0 0\n0 0 0 0 0 0 0\n1 2 3\n",
        "not a valid Irap grid",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_refused_with_the_reason(kind: str, tmp_path: Path) -> None:
    text, reason = BAD[kind]
    path = tmp_path / "top.dat"
    path.write_text(text)
    assert reason in refusal(path)


def test_doubled_nodes_that_agree_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "top.csv"
    path.write_text("inline,crossline,time\n100,500,600\n100,500,601\n")
    assert read(path).samples[0, 0] == pytest.approx(50.125)


def test_coordinates_need_a_survey_with_coordinates(tmp_path: Path) -> None:
    path = tmp_path / "top.csv"
    path.write_text(FILES["x and y in csv"])
    assert "the survey has none" in refusal(path, replace(SIDECAR, corners=()))
    path.write_text(FILES["csv"])
    assert np.isfinite(read(path, replace(SIDECAR, corners=())).samples).any()


def test_feet_are_told_from_metres_in_depth_surveys(tmp_path: Path) -> None:
    axes = (*SIDECAR.axes[:2], replace(SIDECAR.axes[2], first=1000.0, step=5.0, unit="m"))
    depth = replace(SIDECAR, domain="depth", axes=axes)
    path = tmp_path / "top.csv"
    path.write_text("inline,crossline,z\n100,500,4000\n102,501,4100\n")
    assert "if they are in ft, but it is in m" in refusal(path, depth)
    path.write_text("inline,crossline,tvdss (ft)\n100,500,4000\n102,501,4100\n")
    assert read(path, depth).samples[0, 0] == pytest.approx((4000 * 0.3048 - 1000) / 5, abs=1e-3)
    path.write_text("inline,crossline,twt\n100,500,1200\n")
    assert "is in time, but the survey is in depth" in refusal(path, depth)


def test_folders_and_lists_of_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.irap", ".hidden"):
        (tmp_path / name).write_text("x")
    assert horizon_paths(str(tmp_path)) == [tmp_path / "a.irap", tmp_path / "b.csv"]
    listed = f"{tmp_path / 'b.csv'}; {tmp_path / 'a.irap'}"
    assert horizon_paths(listed) == [tmp_path / "b.csv", tmp_path / "a.irap"]
    with pytest.raises(StrataflowError, match="no such file or folder"):
        horizon_paths(f"{tmp_path / 'b.csv'};{tmp_path / 'c.csv'}")
    (tmp_path / "none").mkdir()
    with pytest.raises(StrataflowError, match="no files in this folder"):
        horizon_paths(str(tmp_path / "none"))
