"""The page over all predicted volumes: it stands alone, and its links lead somewhere."""

from __future__ import annotations

import base64
import io
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
from PIL import Image

from conftest import REPOSITORY, Finished, refused_in_one_line
from strataflow.figures import overview
from strataflow.figures.findings import fault_rows, fault_sentences, horizon_rows, seams_of
from strataflow.figures.page_files import grouped_files, size_text
from strataflow.figures.style import fault_colour
from strataflow.volume.raw import Shape
from strataflow.volume.sidecar import plain_sidecar
from strataflow.volume.volume import write_volume

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
    sources = [image.split("data:image/webp;base64,")[1] for image in page.images]
    pictures = [Image.open(io.BytesIO(base64.b64decode(source))) for source in sources]
    assert [picture.size for picture in pictures] == [(4, 4), (4, 4)]


FAULTS = """name,fault,length_m,height_ms,strike,dip_ms_per_m,dip_azimuth,sense,throw_mean_ms,\
throw_minimum_ms,throw_maximum_ms,mean_probability,time_from,time_to
fault_1,1,2226.1,385.8,169.9,1.166,259.9,normal,25.18,20,31.71,0.7792,1436,1820
fault_2,2,811,273,330.8,1.03,60.8,,,,,0.84,1188,1464
"""


@pytest.fixture
def interpreted(predictions: Path) -> Path:
    """The same, one of them with faults, horizons, tile artifacts and a scene without a picture."""
    prefix = str(predictions / "north" / "north")
    Path(f"{prefix}.faults.csv").write_text(FAULTS)
    Path(f"{prefix}.horizons.csv").write_text("inline,crossline,horizon_01\n1,1,3\n1,2,4\n")
    seams = "quantity,border over inside,change by shift\nimage,1.02,\nfsem,1.15,0.17\n"
    (predictions / "north" / "seams.csv").write_text(seams)
    scene: dict[str, object] = {
        "faults": 2,
        "horizon": None,
        "sections": [],
        "scale": "",
        "picture": None,
    }
    Path(f"{prefix}.scene.json").write_text(json.dumps(scene | {"reason": "no OpenGL"}))
    for name in ("faults", "rgt"):
        plt.imsave(f"{prefix}.{name}.png", np.zeros((4, 2000, 3)))
    return predictions


def test_the_page_starts_with_what_was_found(run_script: Run, interpreted: Path) -> None:
    done = make(run_script, interpreted, "--settings", '{"interpretation": {"probability": 0.4}}')
    assert done.returncode == 0, done.stderr
    page = Page(interpreted / "index.html")
    text = " ".join(page.text.split())
    places = [
        text.index(words)
        for words in (
            "What was found",
            "2 faults were picked. The largest, fault 1, is 2,230 m long, strikes 170° and dips",
            "There is no picture in 3D: no OpenGL.",
            "1436 to 1820",
            "Horizons",
            "Geology",
            "Quality",
            "fair Across tile borders the fault probability changes 1.15 times as much",
            "Tables of faults",
            "How it was made Settings",
            "interpretation.probability 0.4",
            "Versions",
            "torch",
        )
    ]
    assert places == sorted(places)
    # Wide pictures are scaled down, and the file with all pixels is a click away.
    assert "north/north.faults.png" in page.links
    source = page.images[0].split("base64,")[1]
    assert Image.open(io.BytesIO(base64.b64decode(source))).width == overview.PICTURE_WIDTH
    assert fault_colour(2) in (interpreted / "index.html").read_text()


def test_the_table_of_faults_says_what_is_not_known() -> None:
    faults = pd.read_csv(io.StringIO(FAULTS))
    sidecar = plain_sidecar(Shape(8, 6, 5), "fsem")
    table = fault_rows(faults, sidecar)
    assert table.columns[:4] == ["fault", "length (m)", "height (ms)", "strike (°)"]
    assert table.columns[4] == "slope (ms/m)"
    assert table.rows[0][5:8] == ["25.2", "31.7", "normal"]
    assert table.rows[1][5:8] == ["-", "-", "-"]
    assert fault_sentences(faults[:0], sidecar) == ["No faults were picked."]
    assert "No throw could be measured" in fault_sentences(faults[1:], sidecar)[-1]
    many = pd.concat([faults] * 20, ignore_index=True)
    assert fault_rows(many, sidecar).more.startswith("25 smaller faults")


def test_horizons_are_listed_with_what_they_cover() -> None:
    sidecar = plain_sidecar(Shape(8, 2, 2), "rgt")
    horizons = pd.DataFrame({"inline": range(4), "horizon_01": [3, 4, 5, np.nan]})
    horizons["horizon_02"] = np.nan
    rows = horizon_rows(horizons.assign(horizon_index=1), sidecar).rows
    assert rows == [["1", "4", "3", "5", "75 %"], ["2", "-", "-", "-", "0 %"]]


def test_some_maps_of_horizons_are_shown_evenly_spaced(predictions: Path) -> None:
    for number in range(1, 11):
        path = predictions / "north" / f"north.horizon_{number:02d}.png"
        plt.imsave(path, np.zeros((4, 1200, 3)))
    overview.make_overview(predictions, TEMPLATE, predictions / "index.html")
    page = Page(predictions / "index.html")
    shown = [number for number in range(1, 11) if f"Horizon {number}." in page.text]
    assert shown == [1, 4, 7, 10]
    source = page.images[0].split("base64,")[1]
    assert Image.open(io.BytesIO(base64.b64decode(source))).width == overview.MAP_WIDTH


@pytest.mark.parametrize(
    ("image", "fsem", "mark"),
    [(1.0, 1.04, "good"), (1.0, 1.1, "fair"), (1.1, 1.14, "good"), (1.0, 1.5, "poor")],
)
def test_tile_artifacts_have_a_mark(image: float, fsem: float, mark: str) -> None:
    rows = [["image", image, np.nan], ["fsem", fsem, 0.1], ["orientation", 2.0, 1.0]]
    found = seams_of(
        pd.DataFrame(rows, columns=["quantity", "border over inside", "change by shift"])
    )
    assert found.mark == mark
    assert f"{fsem:.2f} times as much" in found.sentence
    assert found.table.rows[0] == ["fault probability", f"{fsem:.3g}", mark, "10 %"]


def test_a_volume_in_one_tile_has_no_tile_borders() -> None:
    table = pd.DataFrame({"quantity": ["image", "fsem"], "border over inside": [np.nan, np.nan]})
    assert "no tile borders" in seams_of(table).sentence


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("north.faults.csv", "", "not a table"),
        ("north.scene.json", "[]", "not a description of a scene"),
        ("metrics.json", "[1]", "not metrics"),
        ("north.faults.png", "no picture", "not a picture"),
    ],
)
def test_damaged_results_are_named(
    run_script: Run, interpreted: Path, name: str, content: str, reason: str
) -> None:
    (interpreted / "north" / name).write_text(content)
    refused_in_one_line(make(run_script, interpreted), name, reason)
    assert not (interpreted / "index.html").exists()


def test_settings_that_are_no_settings_are_refused(run_script: Run, predictions: Path) -> None:
    refused_in_one_line(make(run_script, predictions, "--settings", "{"), "--settings: not JSON")
    refused_in_one_line(make(run_script, predictions, "--settings", "[]"), "expected sections")


def test_files_are_grouped_by_what_opens_them(tmp_path: Path) -> None:
    groups = {
        "Raw volumes": ("fsem", "fsem.json", "crgt", "fault_id", "flat", "flat.json", "flat_03"),
        "Fault surfaces in Python": ("fault_surfaces.npz",),
        "Pictures": ("fsem.png", "horizon_02.png"),
        "Horizons": ("horizon_02.irap", "horizons.csv"),
        "Scores and checks": ("seams.csv",),
    }
    paths = [tmp_path / f"north.{name}" for names in groups.values() for name in names]
    for path in paths:
        path.touch()
    found = grouped_files(paths, "north", tmp_path)
    assert {group.title: {file.name for file in group.files} for group in found} == {
        title: {f"north.{name}" for name in names} for title, names in groups.items()
    }


def test_sizes_are_written_as_people_do() -> None:
    sizes = [size_text(n) for n in (12, 4096, 37_748_736, 10**10)]
    assert sizes == ["12 bytes", "4.1 kB", "38 MB", "10 GB"]


def test_many_volumes_are_linked_so_that_the_page_stays_small(
    predictions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "EMBEDDED_VOLUMES", 1)
    overview.make_overview(predictions, TEMPLATE, predictions / "index.html")
    images = Page(predictions / "index.html").images
    assert images == ["north/north.fsem.png", "south.2/south.2.fsem.png"]


def test_a_page_elsewhere_links_to_the_files(run_script: Run, predictions: Path) -> None:
    page = predictions.parent / "pages" / "page.html"
    words = ("--template", TEMPLATE, "--output", page)
    # A relative folder and an absolute page.
    done = run_script("make_overview", "--input", "predictions", *words)
    assert done.returncode == 0, done.stderr
    links = [link for link in Page(page).links if not link.startswith("#")]
    assert "../predictions/north/north.fsem" in links
    assert all((page.parent / unquote(link)).is_file() for link in links)


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
