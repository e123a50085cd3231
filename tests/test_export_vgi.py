"""Headers for other programs over the same raw file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import Finished, refused_in_one_line
from strataflow.errors import StrataflowError
from strataflow.volume.metaimage import export_vgi
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import open_volume, write_volume

Run = Callable[..., Finished]


def test_both_headers_tell_where_each_value_of_an_asymmetric_volume_lies(
    run_script: Run, tmp_path: Path
) -> None:
    values = np.arange(2 * 3 * 4, dtype="<f4").reshape(2, 3, 4) - 5
    values.tofile(tmp_path / "x.fsem")
    done = run_script(
        "export_vgi",
        *("--input", tmp_path / "x.fsem", "--output", tmp_path / "x.vgi"),
        *("--n1", 4, "--n2", 3, "--n3", 2),
    )
    assert done.returncode == 0, done.stderr
    for header, size_key, name_key in (
        ("mhd", "DimSize", "ElementDataFile"),
        ("vgi", "Size", "Name"),
    ):
        text = (tmp_path / f"x.{header}").read_text()
        size = [int(n) for n in re.search(rf"^{size_key} = (.*)$", text, re.M)[1].split()]  # type: ignore[index]
        name = re.search(rf"^{name_key} = (.*)$", text, re.M)[1]  # type: ignore[index]
        read = np.fromfile(tmp_path / name, "<f4").reshape(size[::-1])
        assert (read == values).all()
    assert "datarange = -5 18" in (tmp_path / "x.vgi").read_text()


def test_an_output_of_another_kind_is_refused(run_script: Run, tmp_path: Path) -> None:
    np.zeros((2, 2, 2), "<f4").tofile(tmp_path / "x.fsem")
    sizes = ("--n1", 2, "--n2", 2, "--n3", 2)
    words = ("--input", tmp_path / "x.fsem", "--output", tmp_path / "x.raw", *sizes)
    refused_in_one_line(run_script("export_vgi", *words), "--output", ".vgi")


def test_a_volume_of_another_size_is_refused_with_both_numbers(
    run_script: Run, tmp_path: Path
) -> None:
    np.zeros((2, 2, 2), "<f4").tofile(tmp_path / "x.fsem")
    sizes = ("--n1", 2, "--n2", 2, "--n3", 3)
    words = ("--input", tmp_path / "x.fsem", "--output", tmp_path / "x.vgi", *sizes)
    refused_in_one_line(run_script("export_vgi", *words), "x.fsem", "48", "32")
    assert [p.name for p in tmp_path.iterdir()] == ["x.fsem"]


def test_a_percent_sign_in_the_name_is_refused(tmp_path: Path) -> None:
    # Readers of MetaImage would look for a series of files.
    raw = tmp_path / "80%d.fsem"
    write_volume(raw, np.zeros((3, 4, 5), np.float32), plain_sidecar(Shape(5, 4, 3), "fsem"))
    with pytest.raises(StrataflowError, match="cannot name a file with % in its path"):
        export_vgi(open_volume(raw), tmp_path / "x.vgi")
    assert not list(tmp_path.glob("*.mhd"))
