"""The viewer in a real browser: colours, lines, keys, links and the 3D scene."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from selenium.webdriver.common.keys import Keys

from chromium import SOFTWARE_WEBGL, WITHOUT_WEBGL, Visitor, chromium, saved
from conftest import REPOSITORY
from strataflow.figures.style import CYCLIC, DIP, FAULT_COLOURS, TIME, fault_colour
from viewed_folder import FIRST, SECOND, SLANT, write_folder

pytestmark = pytest.mark.display

# Only the volumes, without lines.
PLAIN = "&faults=0&horizons=0&cuts=0&contours=0&names=0"

# A place with no fault: inline, crossline and time, of indices 16, 20 and 24.
PLACE = "?inline=132&crossline=520&vertical=896"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a viewer of `folder`."""
    command = [sys.executable, str(REPOSITORY / "workflow_scripts" / "view.py"), str(folder)]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            found = re.match(r"http://[\d.]+:\d+/", server.stdout.readline())
            assert found
            yield found[0]
        finally:
            server.kill()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(write_folder(tmp_path_factory.mktemp("north"))) as found:
        yield found


@pytest.fixture(scope="module")
def visitor(address: str) -> Iterator[Visitor]:
    with chromium(*SOFTWARE_WEBGL) as page:
        visitor = Visitor(page, address)
        yield visitor
        assert visitor.errors() == []


def near(colour: list[int], expected: object, within: int = 6) -> bool:
    """Whether a colour of the screen is one of Matplotlib."""
    wanted = np.rint(255 * np.asarray(to_rgb(expected)))  # type: ignore[arg-type]
    return bool(np.abs(np.asarray(colour) - wanted).max() <= within)


def has_line(visitor: Visitor, panel: str, x: float, y: float, colour: str) -> bool:
    """Whether a line of this colour runs through a place of a panel, within a pixel."""
    across, down = visitor.pixel(panel, x, y)
    around = visitor.picture()[down - 1 : down + 2, across - 1 : across + 2].reshape(-1, 3)
    return any(near(pixel.tolist(), colour, 30) for pixel in around)


@pytest.mark.parametrize(
    ("overlay", "palette", "value", "crossline"),
    [
        ("rgt", TIME, 20 / 47, 520),
        # A stored dip of 0.4 is 72 degrees, and a strike of 45 degrees on the grid has the azimuth
        # of 25 (-sin 30, cos 30) + 12.5 (cos 30, sin 30).
        ("fdip", DIP, 72 / 90, 500 + SECOND),
        ("fstrike", CYCLIC, np.degrees(np.arctan2(-1.6747, 27.9006)) % 180 / 180, 500 + SECOND),
    ],
)
def test_a_known_value_has_the_colour_of_its_palette(
    visitor: Visitor, overlay: str, palette: str, value: float, crossline: int
) -> None:
    visitor.open(f"{PLACE}{PLAIN}&overlay={overlay}&opacity=1")
    found = visitor.colour("inline", crossline, 880)
    assert near(found, colormaps[palette](value)), found


def test_probabilities_lie_over_the_background_from_the_minimum_on(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}{PLAIN}&ground=rgt&overlay=fsem&opacity=0.5&threshold=0.6")
    below = np.asarray(colormaps[TIME](20 / 47)[:3])
    over = np.asarray(FAULT_COLOURS(0.9))
    alpha = 0.5 * over[3]
    on = visitor.colour("inline", 500 + SECOND, 880)
    assert near(on, below * (1 - alpha) + over[:3] * alpha), on
    assert near(visitor.colour("inline", 520, 880), below)
    visitor.open(f"{PLACE}{PLAIN}&ground=rgt&overlay=fsem&opacity=0.5&threshold=0.95")
    assert near(visitor.colour("inline", 500 + SECOND, 880), below)


def test_two_overlays_lie_over_each_other(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}{PLAIN}&overlay=rgt&opacity=1&overlay2=fdip&opacity2=0.5")
    lower, upper = (np.asarray(c[:3]) for c in (colormaps[TIME](20 / 47), colormaps[DIP](0.8)))
    assert near(visitor.colour("inline", 500 + SECOND, 880), (lower + upper) / 2)
    assert near(visitor.colour("inline", 520, 880), lower)


def test_amplitudes_follow_palette_and_gain(visitor: Visitor) -> None:
    # dhr of the first inline is sin(i / 2): 0.997 at sample 3.
    visitor.open(f"?inline=100&crossline=520&vertical=896&overlay=none{PLAIN}")
    assert near(visitor.colour("inline", 520, 812), "white")
    visitor.choose("palette", "red-white-blue")
    assert near(visitor.colour("inline", 520, 812), colormaps["RdBu"](255), 12)
    for _ in range(7):
        visitor.press("-")
    visitor.until(lambda: visitor.view["gain"] < 0.22)
    visitor.rest()
    gain = visitor.view["gain"]
    assert near(visitor.colour("inline", 520, 812), colormaps["RdBu"](0.5 + 0.4985 * gain), 14)


def test_wiggles_are_black_where_amplitudes_are_positive(visitor: Visitor) -> None:
    # dhr of the first inline is sin(i / 2): 0.997 at sample 3, -0.99 at sample 9.
    visitor.open(f"?inline=100&crossline=520&vertical=896&overlay=none{PLAIN}")
    density = visitor.colour("slice", 520, 110)
    visitor.press("w")
    visitor.shows(traces="wiggle")
    assert near(visitor.colour("inline", 520.4, 812), "black", 40)
    for place in ((520.4, 836), (519.75, 804)):
        assert near(visitor.colour("inline", *place), "white", 40), place
    assert visitor.colour("slice", 520, 110) == density
    visitor.press("w")
    visitor.shows(traces="both")
    assert near(visitor.colour("inline", 520.4, 812), "black", 40)
    assert near(visitor.colour("inline", 520.45, 836), "black", 40)
    visitor.press("w")
    visitor.shows(traces="density")
    assert near(visitor.colour("inline", 520.4, 812), "white")


def test_a_choice_from_a_menu_changes_the_picture(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}{PLAIN}&overlay=rgt&opacity=1")
    visitor.choose("overlay", "fdip")
    assert near(visitor.colour("inline", 500 + SECOND, 880), colormaps[DIP](0.8))
    visitor.choose("overlay", "none")
    red, green, blue = visitor.colour("inline", 500 + SECOND, 880)
    assert red == green == blue


def test_keys_work_after_clicks_on_sections_menus_and_sliders(visitor: Visitor) -> None:
    visitor.open(PLACE)
    visitor.press(Keys.ARROW_RIGHT)
    visitor.shows(inline=134)
    visitor.click("crossline", 120, 880)
    visitor.shows(inline=120, vertical=880)
    visitor.press(Keys.ARROW_RIGHT)
    visitor.shows(inline=122)
    visitor.page.find_element("id", "threshold").click()
    visitor.press(Keys.ARROW_UP, Keys.PAGE_DOWN)
    visitor.shows(crossline=521, vertical=884)
    visitor.run("document.getElementById('ground').focus()")
    visitor.press(Keys.ARROW_DOWN)
    visitor.shows(crossline=520, ground="dhr")
    visitor.run("document.getElementById('inline').focus()")
    visitor.press(Keys.PAGE_UP)
    visitor.shows(vertical=880, inline=122)
    visitor.press(Keys.SHIFT + Keys.ARROW_RIGHT + Keys.NULL)
    visitor.page.find_element("id", "draw").send_keys(Keys.ARROW_UP)
    visitor.shows(crossline=521)


def test_a_key_at_the_end_of_the_volume_does_nothing(visitor: Visitor) -> None:
    visitor.open("?inline=162&crossline=500&vertical=800")
    visitor.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.PAGE_UP)
    visitor.rest()
    assert [visitor.view[n] for n in ("inline", "crossline", "vertical")] == [162, 500, 800]


def test_a_typed_time_moves_the_slice_to_the_closest_sample(visitor: Visitor) -> None:
    visitor.open(PLACE)
    field = visitor.page.find_element("id", "vertical")
    field.clear()
    field.send_keys("863", Keys.ENTER)
    visitor.shows(vertical=864)
    assert "vertical=864" in visitor.page.current_url
    visitor.press("3")
    visitor.shows(large="slice", vertical=864)


def test_picked_faults_are_lines_in_their_colours(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}&overlay=none&horizons=0&cuts=0&names=0")
    # The first fault at sample 20 and, on the slice, at sample 24; between both faults.
    assert has_line(visitor, "inline", 500 + FIRST + SLANT * 20, 880, fault_colour(1))
    assert has_line(visitor, "slice", 500 + FIRST + SLANT * 24, 140, fault_colour(1))
    assert has_line(visitor, "inline", 500 + SECOND, 880, fault_colour(2))
    red, green, blue = visitor.colour("inline", 523, 880)
    assert red == green == blue
    visitor.page.find_element("css selector", "#faults li[data-number='1'] input").click()
    visitor.shows(hide="1")
    red, green, blue = visitor.colour("inline", 500 + FIRST + SLANT * 20, 880)
    assert red == green == blue
    assert has_line(visitor, "inline", 500 + SECOND, 880, fault_colour(2))


def test_a_name_in_the_list_goes_to_its_fault_and_shows_its_numbers(visitor: Visitor) -> None:
    visitor.open(PLACE)
    visitor.page.find_element("css selector", "#faults li[data-number='1'] button").click()
    visitor.until(lambda: visitor.view["fault"] == 1)
    visitor.rest()
    view = visitor.view
    sample = (view["vertical"] - 800) / 4
    assert abs(view["crossline"] - 500 - FIRST - SLANT * sample) < 1
    assert "24.5" in visitor.page.find_element("id", "about").text
    assert "24.5 ms" in visitor.page.find_element("id", "faults").text


def test_horizons_are_lines_as_far_as_they_go(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}&overlay=none&faults=0&cuts=0&names=0")
    for crossline, seen in ((510, True), (530, False)):
        red, green, blue = visitor.colour("inline", crossline, 920)
        assert (max(red, green, blue) - min(red, green, blue) > 40) == seen, crossline
    visitor.page.find_element("css selector", "#horizons li[data-number='2'] button").click()
    visitor.until(lambda: "crossline" in visitor.page.find_element("id", "about").text)
    text = visitor.page.find_element("id", "about").text.replace("\n", " ")
    assert "crossline 500 to 520" in text
    assert "rgt 0.6" in text
    assert "Top Reef" in visitor.page.find_element("id", "horizons").text


def test_the_section_below_a_line_shows_what_the_line_crosses(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}{PLAIN}&overlay=rgt&opacity=1")
    visitor.press("l")
    for inline, crossline in ((110, 505), (150, 535)):
        visitor.click("slice", crossline, inline)
        visitor.until(lambda: visitor.view["line"].endswith(f"{inline},{crossline}"))  # noqa: B023
    visitor.press(Keys.ENTER)
    visitor.rest()
    # 20 inlines of 25 m and 30 crosslines of 12.5 m.
    length = float(np.hypot(500, 375))
    assert near(visitor.colour("line", length / 2, 880), colormaps[TIME](20 / 47))
    visitor.press("f")
    visitor.shows(faults=True)
    distance = length * (SECOND - 5) / 30
    assert has_line(visitor, "line", distance, 880, fault_colour(2))
    visitor.click("line", length / 2, 880)
    visitor.shows(inline=130, crossline=520, vertical=880)
    visitor.press(Keys.ESCAPE)
    visitor.shows(line="")


def test_the_pointer_reads_position_and_values(visitor: Visitor) -> None:
    visitor.open(PLACE)
    visitor.point("inline", 500 + SECOND, 880)
    readout = visitor.page.find_element("id", "readout")
    visitor.until(lambda: "rgt" in readout.text)
    text = " ".join(readout.text.split())
    # Inline 16 and crossline 30 from the corner, turned by 30 degrees.
    x = 430000 - 16 * 25 * 0.5 + 30 * 12.5 * np.cos(np.radians(30))
    assert "132" in text
    assert "530" in text
    assert "880 ms" in text
    assert f"{x:,.2f}"[:8] in text
    assert re.search(r"fsem ?0\.9", text)
    assert re.search(r"fault ?2", text)
    assert re.search(r"rgt ?0\.4255", text)


def test_a_link_restores_what_is_shown(visitor: Visitor) -> None:
    query = "&overlay=fdip&opacity=0.35&palette=red-white-blue&hide=2&line=110,505;150,535"
    visitor.open(f"{PLACE}{query}&window=110,150,505,535,840,960")
    before, address = visitor.picture(), visitor.page.current_url
    visitor.open()
    assert visitor.view["overlay"] == "fsem"
    visitor.page.get(address)
    visitor.open(address.removeprefix(visitor.address))
    assert np.abs(visitor.picture() - before).max() <= 2
    assert visitor.view["hide"] == "2"


def test_a_link_with_wrong_values_shows_the_rest_and_says_so(visitor: Visitor) -> None:
    visitor.open("?inline=120&ground=nothing&gain=1e9&colour=3&what=1")
    assert visitor.view["inline"] == 120
    assert visitor.view["ground"] == "dhr"
    notes = visitor.page.find_element("id", "notes").text
    assert "ground=nothing: no such attribute" in notes
    assert "gain=1e9: expected 0.1 to 20" in notes
    assert "what=1: unknown" in notes


def test_the_wheel_zooms_all_sections_and_zero_shows_all(visitor: Visitor) -> None:
    visitor.open(PLACE)
    visitor.point("inline", 520, 896)
    for _ in range(4):
        visitor.run(
            """const figure = Bokeh.documents[0].get_model_by_name("inline")
            const view = Bokeh.index.get_by_id(figure.id), box = view.el.getBoundingClientRect()
            const at = {clientX: box.x + box.width / 2, clientY: box.y + box.height / 2}
            view.canvas_view.events_el.dispatchEvent(
              new WheelEvent("wheel", {deltaY: -240, bubbles: true, ...at}))"""
        )
    visitor.until(lambda: visitor.view["window"])
    visitor.rest()
    _, _, first, last, top, bottom = map(float, visitor.view["window"].split(","))
    assert 500 < first < last < 539
    assert 800 < top < bottom < 988
    ranges = """const f = Bokeh.documents[0].get_model_by_name(arguments[0])
                return [f.y_range.end, f.y_range.start, f.x_range.start, f.x_range.end]"""
    assert visitor.run(ranges, "crossline")[:2] == pytest.approx([top, bottom])
    assert visitor.run(ranges, "slice")[2:] == pytest.approx([first, last])
    visitor.press("0")
    visitor.shows(window="")


def test_true_aspect_has_one_scale_in_all_sections(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}&aspect=true&exaggeration=2&velocity=2000")
    code = """const f = Bokeh.documents[0].get_model_by_name(arguments[0])
              return [(f.x_range.end - f.x_range.start) / f.inner_width,
                      (f.y_range.start - f.y_range.end) / f.inner_height]"""
    # Metres a pixel: an inline is 12.5 m wide, a crossline 12.5 m, a millisecond 2 m high.
    inline, crossline, level = (visitor.run(code, n) for n in ("inline", "crossline", "slice"))
    scales = [inline[0] * 12.5, inline[1] * 2, crossline[0] * 12.5, crossline[1] * 2]
    scales += [level[0] * 12.5, level[1] * 12.5]
    assert scales == pytest.approx([scales[0]] * 6, rel=1e-3)


def test_a_narrow_window_shows_all_sections_and_the_controls_on_demand(visitor: Visitor) -> None:
    visitor.page.set_window_size(800, 800)
    try:
        visitor.open(PLACE)
        size = visitor.run("return [innerWidth, innerHeight, document.body.scrollWidth]")
        assert size[2] <= size[0]
        for panel in ("inline", "crossline", "slice"):
            box = visitor.page.find_element("id", f"panel-{panel}").rect
            assert box["width"] > 300
            assert box["height"] > 200
            assert box["x"] + box["width"] <= size[0] + 1
            assert box["y"] + box["height"] <= size[1] + 1
        controls = visitor.page.find_element("id", "controls")
        assert not controls.is_displayed()
        visitor.page.find_element("id", "menu").click()
        visitor.until(controls.is_displayed)
    finally:
        visitor.page.set_window_size(1500, 900)


def test_one_section_fills_the_window_and_help_opens(visitor: Visitor) -> None:
    visitor.open(PLACE)
    visitor.press("3")
    visitor.shows(large="slice")
    assert visitor.page.find_element("id", "panel-slice").rect["width"] > 1100
    visitor.press("3")
    visitor.shows(large="")
    visitor.press("?")
    visitor.until(lambda: "previous, next inline" in visitor.page.find_element("id", "help").text)
    visitor.press(Keys.ESCAPE)
    visitor.until(lambda: not visitor.page.find_element("id", "help").is_displayed())


def test_the_picture_is_of_print_size_and_of_this_view(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(f"{PLACE}{PLAIN}&overlay=rgt&opacity=1&large=inline")
    link = visitor.page.find_element("id", "picture").get_attribute("href")
    assert link.startswith(visitor.address)
    with urllib.request.urlopen(link, timeout=90) as answer:
        pixels = saved(answer.read(), tmp_path / "view.png")
    assert pixels.shape == (2481, 3507, 3)
    for value in (5 / 47, 20 / 47, 40 / 47):
        wanted = np.rint(255 * np.asarray(colormaps[TIME](value)[:3]))
        assert (np.abs(pixels - wanted).max(axis=2) <= 4).mean() > 0.001


def scene_shot(visitor: Visitor) -> np.ndarray:
    """What the window shows of the 3D scene."""
    box = visitor.page.find_element("id", "scene").rect
    top, left = int(box["y"]), int(box["x"])
    return visitor.picture()[top : top + int(box["height"]), left : left + int(box["width"])]


def scene_colour(visitor: Visitor, colour: str) -> int:
    """Number of pixels of the 3D scene with the hue of `colour`, whatever the light."""
    shot = scene_shot(visitor)
    wanted = np.asarray(to_rgb(colour))
    lit = shot.max(axis=2) > 60
    shares = shot / np.maximum(shot.max(axis=2, keepdims=True), 1)
    return int((lit & (np.abs(shares - wanted / wanted.max()).max(axis=2) < 0.06)).sum())


def test_the_scene_shows_faults_sections_and_a_horizon(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}&tab=scene&overlay=none&cuts=0")
    visitor.until(lambda: visitor.run("return strataflow.state().scene"))
    visitor.rest()
    assert scene_colour(visitor, fault_colour(1)) > 2000
    assert scene_colour(visitor, fault_colour(2)) > 2000
    visitor.page.find_element("css selector", "#faults li[data-number='1'] input").click()
    visitor.shows(hide="1")
    assert scene_colour(visitor, fault_colour(1)) < 200
    before = visitor.picture()
    visitor.choose("surface", "2")
    assert (np.abs(visitor.picture() - before).max(axis=2) > 30).sum() > 1000
    visitor.choose("colour", "throw")
    assert scene_colour(visitor, fault_colour(2)) < 200
    legend = visitor.page.find_element("id", "bars").text
    assert "throw (ms)" in legend
    assert "vertical exaggeration" in legend


NUMBERS_IN_SCENE = """
const frame = document.querySelector("#scene iframe").contentDocument
const shown = [...frame.querySelectorAll("body > span")].filter(s => s.style.display !== "none")
return shown.map(s => [s.textContent, s.getBoundingClientRect()]).map(
  ([text, box]) => [text, box.x + box.width / 2, box.y + box.height / 2])
"""


def numbers_in_scene(visitor: Visitor) -> dict[str, tuple[float, float]]:
    """Places of the numbers of faults in the 3D scene, in pixels of its frame."""
    visitor.rest()
    return {text: (x, y) for text, x, y in visitor.run(NUMBERS_IN_SCENE)}


def test_faults_have_their_numbers_in_the_scene(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}&tab=scene&overlay=none&cuts=0")
    visitor.until(lambda: visitor.run("return strataflow.state().scene"))
    before = numbers_in_scene(visitor)
    assert before.keys() == {"1", "2"}
    box = visitor.page.find_element("id", "scene").rect
    shot, (x, y) = visitor.picture(), before["1"]
    # The colour of the fault is around its number.
    top, left = int(box["y"] + y), int(box["x"] + x)
    near = shot[top - 30 : top + 30, left - 30 : left + 30]
    shares = near / np.maximum(near.max(axis=2, keepdims=True), 1)
    wanted = np.asarray(to_rgb(fault_colour(1)))
    assert (np.abs(shares - wanted / wanted.max()).max(axis=2) < 0.06).sum() > 100
    visitor.page.find_element("css selector", "#faults li[data-number='1'] input").click()
    visitor.shows(hide="1")
    visitor.until(lambda: numbers_in_scene(visitor).keys() == {"2"})


COVERED = """
const scene = document.querySelector("#scene iframe").contentWindow.eval("scene")
const [first, second] = scene.numbers, at = second.at
second.at = first.at
const numbers = scene.visibleNumbers().map(({number}) => number)
second.at = at
return numbers
"""


def test_a_number_that_would_cover_that_of_a_larger_fault_is_left_out(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}&tab=scene&overlay=none&cuts=0")
    visitor.until(lambda: visitor.run("return strataflow.state().scene"))
    assert numbers_in_scene(visitor).keys() == {"1", "2"}
    assert visitor.run(COVERED) == [1]


SAVE_PICTURE = """
const done = arguments[arguments.length - 1], click = HTMLAnchorElement.prototype.click
HTMLAnchorElement.prototype.click = function () {
  HTMLAnchorElement.prototype.click = click
  done(this.href)
}
document.getElementById("picture").dispatchEvent(new MouseEvent("click", {cancelable: true}))
"""


def test_the_saved_picture_of_the_scene_has_numbers_and_large_texts(
    visitor: Visitor, tmp_path: Path
) -> None:
    visitor.open(f"{PLACE}&tab=scene&overlay=none&cuts=0")
    visitor.until(lambda: visitor.run("return strataflow.state().scene"))
    numbers = numbers_in_scene(visitor)
    box = visitor.page.find_element("id", "scene").rect
    address = visitor.page.execute_async_script(SAVE_PICTURE)
    pixels = saved(base64.b64decode(address.split(",", 1)[1]), tmp_path / "scene.png")
    scale = pixels.shape[1] / box["width"]
    assert scale == pytest.approx(3, abs=0.1)
    title = int(4 * pixels.shape[1] / 100)
    for x, y in numbers.values():
        at = int(scale * x), title + int(scale * y)
        half = int(0.7 * pixels.shape[1] / 100)
        around = pixels[at[1] - half : at[1] + half, at[0] - half : at[0] + half]
        assert around.max(axis=2).min() < 60
        assert (around.min(axis=2) > 190).mean() > 0.4
    # Texts of the inline axis, at the lower right, cover as much of the picture as of the screen.
    shot = scene_shot(visitor)
    scene = pixels[title : title + int(scale * box["height"])]
    dark = [
        (part[int(0.7 * len(part)) :, int(0.6 * part.shape[1]) :].max(axis=2) < 90).mean()
        for part in (shot, scene)
    ]
    assert dark[1] > 0.6 * dark[0] > 0


def test_keys_and_the_mouse_work_in_the_scene(visitor: Visitor) -> None:
    visitor.open(f"{PLACE}&tab=scene")
    visitor.until(lambda: visitor.run("return strataflow.state().scene"))
    visitor.rest()
    before = visitor.picture()
    frame = visitor.page.find_element("css selector", "#scene iframe")
    frame.click()
    assert visitor.view["far"]
    visitor.press(Keys.ARROW_RIGHT)
    # A section that is moved leaves the far side of the survey.
    visitor.shows(inline=134, far=False)
    assert np.abs(visitor.picture() - before).max() > 30
    visitor.press("b")
    visitor.shows(far=True)
    visitor.press("t")
    visitor.shows(tab="sections")
    assert not frame.is_displayed()


def test_a_browser_without_webgl_gets_words_and_the_sections(address: str) -> None:
    with chromium(*WITHOUT_WEBGL) as page:
        visitor = Visitor(page, address)
        visitor.open(f"{PLACE}&tab=scene")
        visitor.until(lambda: "no WebGL" in page.find_element("id", "scene").text)
        visitor.press("t")
        visitor.shows(tab="sections")
        assert page.find_element("id", "panel-inline").is_displayed()


def test_one_attribute_alone_is_shown_and_what_is_missing_is_said(tmp_path: Path) -> None:
    write_folder(tmp_path)
    for path in tmp_path.iterdir():
        if not path.name.startswith("north.rgt"):
            path.unlink()
    with served(tmp_path) as address, chromium() as page:
        visitor = Visitor(page, address)
        page.get(address + "?inline=132")
        visitor.until(lambda: "no picked faults" in page.find_element("id", "faults").text)
        visitor.rest()
        notes = page.find_element("id", "notes").text
        assert "does not have dhr, fsem, fdip, fstrike" in notes
        assert "north.faults.csv is missing" in notes
        assert "north.horizons.csv is missing" in notes
        assert near(visitor.colour("inline", 520, 880), colormaps[TIME](20 / 47))
        assert visitor.errors() == []
