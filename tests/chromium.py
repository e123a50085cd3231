"""A headless Chromium for tests, with WebGL by software, and what visitors do with it."""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--force-device-scale-factor=1",
)
SOFTWARE_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WITHOUT_WEBGL = ("--disable-gpu", "--disable-3d-apis")

# Seconds that a slow machine gets.
PATIENCE = 90


@contextmanager
def chromium(*flags: str, size: tuple[int, int] = (1500, 900)) -> Iterator[Any]:
    """Start a browser. Skip the test if there is none."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("no Chromium")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, *flags, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        page = webdriver.Chrome(options, service=webdriver.ChromeService(driver))
        try:
            page.set_window_size(*size)
            yield page
        finally:
            page.quit()


class Visitor:
    """Somebody who looks at the viewer, and uses keys and the mouse."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address

    def open(self, query: str = "") -> None:
        """Open the viewer and wait until it shows its picks."""
        self.page.get(self.address + query)
        self.until(lambda: self.run("return document.body.dataset.ready"))
        self.until(lambda: not self.run("return document.querySelector('.list .empty')"))
        self.rest()

    def run(self, code: str, *arguments: object) -> Any:
        """Run a script in the page."""
        return self.page.execute_script(code, *arguments)

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until `condition` is true, and return its value."""
        return WebDriverWait(self.page, PATIENCE, 0.05).until(lambda _: condition())

    @property
    def view(self) -> dict[str, Any]:
        """What the page shows."""
        shown: dict[str, Any] = self.run("return strataflow.state().view")
        return shown

    def shows(self, **wanted: object) -> None:
        """Wait until the page shows these values."""
        self.until(lambda: all(self.view[name] == value for name, value in wanted.items()))
        self.rest()

    def rest(self) -> None:
        """Wait until the page has drawn what was asked for, and does not change any more."""
        idle = "return !strataflow.state().busy && Bokeh.documents[0].is_idle"
        before = None
        for _ in range(round(PATIENCE / 0.2)):
            self.until(lambda: self.run(idle))
            shot = self.page.get_screenshot_as_png()
            if shot == before:
                return
            before = shot
            # The page asks for the window of a zoom a moment after it.
            time.sleep(0.2)
        raise AssertionError("the page does not come to rest")

    def press(self, *keys: str) -> None:
        """Press keys, whatever has the focus."""
        ActionChains(self.page).send_keys(*keys).perform()

    def choose(self, field: str, value: str) -> None:
        """Choose an option of a menu, as the browser reports it."""
        menu = self.page.find_element("id", field)
        code = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))"
        self.run(code, menu, value)
        self.until(lambda: str(self.view[field]) == value)
        self.rest()

    def pixel(self, panel: str, x: float, y: float) -> tuple[int, int]:
        """The pixel (x, y) of the window that shows a place of a panel, in numbers of its axes."""
        code = """const figure = Bokeh.documents[0].get_model_by_name(arguments[0])
            const view = Bokeh.index.get_by_id(figure.id), box = view.el.getBoundingClientRect()
            const frame = view.frame
            return [box.x + frame.x_scale.compute(arguments[1]),
                    box.y + frame.y_scale.compute(arguments[2])]"""
        across, down = self.run(code, panel, x, y)
        return int(across), int(down)

    def picture(self) -> np.ndarray:
        """What the window shows, (rows, columns, 3), 0 to 255."""
        shot = io.BytesIO(self.page.get_screenshot_as_png())
        return np.rint(255 * matplotlib.image.imread(shot)[..., :3]).astype(int)

    def colour(self, panel: str, x: float, y: float) -> list[int]:
        """Red, green and blue at a place of a panel."""
        across, down = self.pixel(panel, x, y)
        found: list[int] = self.picture()[down, across].tolist()
        return found

    def click(self, panel: str, x: float, y: float) -> None:
        """Click on a place of a panel."""
        self.point(panel, x, y)
        ActionChains(self.page).click().perform()

    def point(self, panel: str, x: float, y: float) -> None:
        """Move the pointer to a place of a panel."""
        across, down = self.pixel(panel, x, y)
        actions: Any = ActionChains(self.page)
        actions.w3c_actions.pointer_action.move_to_location(across, down)
        actions.perform()

    def errors(self) -> list[str]:
        """Errors in the console of the browser since the last call."""
        entries = self.page.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


def saved(picture: bytes, path: Path) -> np.ndarray:
    """Write a PNG to `path` and return its pixels (rows, columns, 3), 0 to 255."""
    path.write_bytes(picture)
    return np.rint(255 * matplotlib.image.imread(path)[..., :3]).astype(int)
