"""The page over all predicted volumes: it stands alone, and its links lead somewhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from conftest import REPOSITORY, Finished, refused_in_one_line
from strataflow.figures import overview
from strataflow.volume.raw import Shape
from strataflow.volume.volume import plain_sidecar, write_volume

Run = Callable[..., Finished]
TEMPLATE = REPOSITORY / "report" / "index.html.jinja"


class Page(HTMLParser):
    """Text, links and sources of images of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.images: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("script", "link")
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "img":
            self.images.append(given["src"] or "")

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Two volumes, one of them scored, as the workflow delivers them."""
    shape = Shape(n1=8, n2=6, n3=5)
    for name in ("north", "south.2"):
        folder = tmp_path / "predictions" / name
        folder.mkdir(parents=True)
        sidecar = plain_sidecar(shape, "fsem")
        write_volume(folder / f"{name}.fsem", np.zeros(shape.array, np.float32), sidecar)
        plt.imsave(folder / f"{name}.fsem.png", np.zeros((4, 4, 3)))
    metrics: dict[str, dict[str, float | None]] = {
        "fault": {"f1": 0.1234, "average_precision": None},
        "faults": {"found_as_one": 0.875, "throw_error_median": None},
        "rgt": {},
    }
    (tmp_path / "predictions" / "north" / "metrics.json").write_text(json.dumps(metrics))
    return tmp_path / "predictions"


def make(run_script: Run, predictions: Path, *more: object) -> Finished:
    page = predictions / "index.html"
    words = ("--input", predictions, "--template", TEMPLATE, "--output", page)
    return run_script("make_overview", *words, *more)


def test_the_page_shows_geometry_scores_pictures_and_files(
    run_script: Run, predictions: Path
) -> None:
    assert make(run_script, predictions).returncode == 0
    page = Page(predictions / "index.html")
    text = " ".join(page.text.split())
    assert "inline 1 to 5, 5 in total, 1 m apart" in text
    assert "F1 of faults 0.123" in text
    assert "faults found as one surface 0.875" in text
    assert "error of throw" not in text
    assert text.count("No labels, so there are no scores") == 1
    for link in page.links:
        if not link.startswith("#"):
            assert (predictions / unquote(link)).is_file(), link
    assert len([link for link in page.links if "metrics.json" in link]) == 1
    pictures = [base64.b64decode(image.split("base64,")[1]) for image in page.images]
    assert pictures == [path.read_bytes() for path in sorted(predictions.glob("*/*.png"))]


def test_many_volumes_are_linked_so_that_the_page_stays_small(
    predictions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "EMBEDDED_VOLUMES", 1)
    overview.make_overview(predictions, TEMPLATE, predictions / "index.html")
    images = Page(predictions / "index.html").images
    assert images == ["north/north.fsem.png", "south.2/south.2.fsem.png"]


def test_names_cannot_become_markup(run_script: Run, predictions: Path) -> None:
    folder = predictions / "a<b onload=x>"
    folder.mkdir()
    sidecar = plain_sidecar(Shape(2, 2, 2), "fsem")
    write_volume(folder / f"{folder.name}.fsem", np.zeros((2, 2, 2), np.float32), sidecar)
    assert make(run_script, predictions).returncode == 0
    assert "<b onload" not in (predictions / "index.html").read_text()
    assert "a<b onload=x>" in Page(predictions / "index.html").text


def test_run_times_are_gathered(run_script: Run, predictions: Path) -> None:
    results = predictions.parent
    (results / "infer" / "north").mkdir(parents=True)
    measured = "s\th:m:s\tmax_rss\tmean_load\n12.5\t0:00:12\t800.0\t190.0\n"
    (results / "infer" / "north" / "0-of-2.benchmark.tsv").write_text(measured)
    table = predictions / "timings.csv"
    done = make(run_script, predictions, "--results", results, "--timings", table)
    assert done.returncode == 0, done.stderr
    (row,) = pd.read_csv(table).to_dict("records")
    assert (row["stage"], row["job"], row["seconds"]) == ("infer", "north/0-of-2", 12.5)


def test_an_empty_folder_is_told(run_script: Run, tmp_path: Path) -> None:
    refused_in_one_line(make(run_script, tmp_path), "no predicted volumes found")
    assert not (tmp_path / "index.html").exists()
    done = make(run_script, tmp_path, "--results", tmp_path)
    assert re.search(r"--results and --timings", done.stderr)


def test_the_scores_of_each_pass_are_a_row(run_script: Run, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.json" for number in range(2)]
    for path, score in zip(paths, (0.5, 0.75), strict=True):
        path.write_text(json.dumps({"fault": {"f1": score}}))
    words = ("--output", tmp_path / "passes.csv", "--metrics")
    done = run_script("compare_passes", *words, *paths)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "passes.csv")
    assert list(table["pass"]) == ["infer", "refine 1"]
    assert list(table["fault.f1"]) == [0.5, 0.75]
    for text in ("[]", "{}", '["ab"]', "7", "no"):
        paths[1].write_text(text)
        refused_in_one_line(run_script("compare_passes", *words, *paths), "1.json", "not metrics")
