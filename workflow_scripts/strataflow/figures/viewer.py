"""A viewer in the browser: three linked sections through the volumes of a folder.

Bokeh draws and serves the page. Volumes are memory maps, and only the displayed sections are read.
The server accepts connections from this machine only and serves nothing else.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.events import Tap
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    Div,
    HoverTool,
    LinearColorMapper,
    Range1d,
    Select,
    Slider,
    Span,
)
from bokeh.plotting import figure
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from matplotlib import colormaps
from matplotlib.colors import Colormap, to_hex
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from ..errors import StrataflowError
from ..volume.attributes import ATTRIBUTES, PROBABILITY, SPREAD, TASKS
from ..volume.raw import Array, Shape
from ..volume.volume import Sidecar, Volume, attribute_path, open_volume, statistics_of
from .sections import CYCLIC, FAULT_COLOURS, GREY_CLIP, MIN_SPREAD, Section, axis_label, extent_of

HOST = "127.0.0.1"

# Maximum number of traces along each axis of a slice; each trace costs one disk page.
SLICE_TRACES = 256

# Maximum number of pixels along each axis of a section.
PIXELS = 640

NO_OVERLAY = "none"


@dataclass(frozen=True)
class Attribute:
    """Display of an attribute: palette, range, and the factor from stored to displayed values."""

    palette: str | list[str]
    low: float
    high: float
    factor: float = 1.0


def _palette(colours: Colormap) -> list[str]:
    return [to_hex(colour) for colour in colours(np.linspace(0, 1, 256))]


SHOWN = {
    "image": Attribute("Greys256", -GREY_CLIP, GREY_CLIP),
    "dhr": Attribute("Greys256", -GREY_CLIP, GREY_CLIP),
    "rgt": Attribute("Turbo256", 0, 1),
    SPREAD: Attribute("Viridis256", 0, 0.5),
    "fsem": Attribute(_palette(FAULT_COLOURS), 0, 1),
    "fdip": Attribute(_palette(colormaps[CYCLIC]), 0, 180, 180),
    "fstrike": Attribute(_palette(colormaps[CYCLIC]), 0, 180, 180),
}


def open_folder(folder: Path, image: Path | None = None) -> dict[str, Volume]:
    """Open the volumes of a prediction.

    Args:
        folder: A folder of results/predictions/.
        image: Raw volume of the input image, if it is shown too.

    Returns:
        Volumes by attribute, and `image`.

    Raises:
        StrataflowError: The folder has no predictions or those of several volumes, or sizes differ.
    """
    if not folder.is_dir():
        raise StrataflowError(f"{folder}: no such folder")
    prefixes = {path.with_suffix("") for name in ATTRIBUTES for path in folder.glob(f"*.{name}")}
    if not prefixes:
        raise StrataflowError(f"{folder}: no predictions found, expected X.fsem, X.rgt or others")
    if len(prefixes) > 1:
        names = " ".join(sorted(prefix.name for prefix in prefixes))
        raise StrataflowError(f"{folder}: expected one volume, found several volumes: {names}")
    (prefix,) = prefixes
    volumes = {}
    # Skip the checksums, so that large volumes open at once; the other programs check them.
    if image:
        volumes["image"] = open_volume(image, intact=False)
        statistics_of(volumes["image"])
    for name in (*ATTRIBUTES, SPREAD):
        if attribute_path(prefix, name).is_file():
            volumes[name] = open_volume(attribute_path(prefix, name), None, name, intact=False)
    shapes = {volume.shape for volume in volumes.values()}
    if len(shapes) > 1:
        raise StrataflowError(
            f"{folder}: volumes differ in size: {', '.join(map(str, sorted(shapes, key=str)))}"
        )
    return volumes


def section_of(volume: Volume, section: Section) -> Array:
    """Read a section of a volume, (rows, columns) as drawn, decimated to at most PIXELS."""
    values, index = volume.values, section.index
    if section.axis == 0:
        plane = values[index].T
    else:
        with _no_reading_ahead(values):
            if section.axis == 1:
                plane = np.array(values[:, index].T)
            else:
                thin = [max(-(-n // SLICE_TRACES), 1) for n in volume.shape.array[:2]]
                plane = np.array(values[:: thin[0], :: thin[1], index])
    steps = [max(-(-n // PIXELS), 1) for n in plane.shape]
    return np.ascontiguousarray(plane[:: steps[0], :: steps[1]])


@contextmanager
def _no_reading_ahead(values: Array) -> Iterator[None]:
    """Disable read-ahead of a memory map, because the traces or samples lie far apart."""
    mapped = getattr(values, "_mmap", None)
    if mapped is not None:
        mapped.madvise(mmap.MADV_RANDOM)
    yield
    if mapped is not None:
        mapped.madvise(mmap.MADV_NORMAL)


class Viewer:
    """The page of one visitor: its controls and the three sections."""

    def __init__(
        self, volumes: dict[str, Volume], document: Document, probability: float = PROBABILITY
    ) -> None:
        self.volumes = volumes
        self.sidecar: Sidecar = next(iter(volumes.values())).sidecar
        self.shape: Shape = self.sidecar.shape
        grounds = [name for name in ("image", "dhr") if name in volumes] or list(volumes)[:1]
        overlays = [NO_OVERLAY, *(name for name in volumes if name not in grounds[:1])]
        chosen = "fsem" if "fsem" in overlays else overlays[-1]
        self.ground = Select(title="ground", value=grounds[0], options=grounds, name="ground")
        self.overlay = Select(title="overlay", value=chosen, options=overlays, name="overlay")
        self.opacity = Slider(start=0, end=1, step=0.05, value=0.7, title="opacity", name="opacity")
        self.threshold = Slider(
            start=0, end=1, step=0.01, value=probability, title="minimum fault probability"
        )
        self.sliders = [self._slider(axis) for axis in range(3)]
        self.panels = [_Panel(self, axis) for axis in range(3)]
        self.ground.on_change("value", self._changed)
        self.overlay.on_change("value", self._changed)
        self.threshold.on_change("value_throttled", self._changed)
        for panel in self.panels:
            self.opacity.js_link("value", panel.overlay.glyph, "global_alpha")
        for axis, slider in enumerate(self.sliders):
            slider.on_change("value", partial(self._moved, axis))
        self.draw()
        controls = row(self.ground, self.overlay, self.opacity, self.threshold)
        figures = row(*(panel.figure for panel in self.panels), sizing_mode="stretch_width")
        document.add_root(
            column(
                controls, row(*self.sliders), figures, Div(text=KEYS), sizing_mode="stretch_width"
            )
        )
        document.title = f"strataflow: {next(iter(volumes.values())).path.stem}"
        # Keys work without focus; a slider with the focus handles its own keys.
        document.js_on_event(
            "document_ready", CustomJS(args={"sliders": self.sliders}, code=ON_KEY)
        )

    def _slider(self, axis: int) -> Slider:
        """Slider for the line number, time or depth along an axis."""
        place, n = self.sidecar.axes[axis], self.shape.array[axis]
        ends = place.first, place.first + place.step * max(n - 1, 1)
        return Slider(
            start=min(ends),
            end=max(ends),
            step=abs(place.step),
            value=place.first + place.step * (n // 2),
            title=axis_label(self.sidecar, axis),
            name=("inline", "crossline", "vertical")[axis],
            disabled=n == 1,
        )

    def index(self, axis: int) -> int:
        """Index of the line or sample that the slider of an axis selects."""
        place = self.sidecar.axes[axis]
        index = round((self.sliders[axis].value - place.first) / place.step)
        return int(np.clip(index, 0, self.shape.array[axis] - 1))

    def move(self, axis: int, number: float) -> None:
        """Move the slider of an axis to the line closest to `number`."""
        slider = self.sliders[axis]
        place = self.sidecar.axes[axis]
        nearest = place.first + place.step * round((number - place.first) / place.step)
        slider.value = float(np.clip(nearest, slider.start, slider.end))

    def _moved(self, axis: int, attr: str, old: float, new: float) -> None:  # noqa: ARG002
        self.panels[axis].draw()
        for panel in self.panels:
            panel.mark()

    def _changed(self, attr: str, old: Any, new: Any) -> None:  # noqa: ARG002
        self.draw()

    def draw(self) -> None:
        """Redraw all three sections."""
        for panel in self.panels:
            panel.draw()
            panel.mark()


class _Panel:
    """One section: the ground, the overlay, and the lines of the other sections."""

    def __init__(self, viewer: Viewer, axis: int) -> None:
        self.viewer, self.axis = viewer, axis
        self.across = Section(axis, 0).axes
        sidecar = viewer.sidecar
        left, right, bottom, top = extent_of(Section(axis, 0), sidecar)
        names = [axis_label(sidecar, a) for a in self.across]
        # Time, depth and, on slices, inlines increase downward.
        self.figure = figure(
            x_range=Range1d(left, right),
            y_range=Range1d(bottom, top),
            x_axis_label=names[0],
            y_axis_label=names[1],
            height=460,
            sizing_mode="stretch_width",
            tools="pan,wheel_zoom,box_zoom,reset,save,tap",
            active_scroll="wheel_zoom",
            name=("inline_section", "crossline_section", "slice")[axis],
        )
        self.source = ColumnDataSource({"ground": [], "overlay": [], "value": []})
        place = {"x": left, "y": top, "dw": right - left, "dh": bottom - top}
        self.ground = self.figure.image("ground", source=self.source, **place)
        self.overlay = self.figure.image(
            "overlay", source=self.source, global_alpha=viewer.opacity.value, **place
        )
        self.figure.add_tools(
            HoverTool(
                renderers=[self.ground],
                tooltips=[
                    (names[0], "$x{0.0}"),
                    (names[1], "$y{0.0}"),
                    ("ground", "@ground{0.000}"),
                    ("overlay", "@value{0.000}"),
                ],
            )
        )
        self.cuts = [
            Span(dimension=dimension, line_color="dodgerblue", line_dash="dashed", line_width=1)
            for dimension in ("height", "width")
        ]
        for cut in self.cuts:
            self.figure.add_layout(cut)
        self.figure.on_event(Tap, self._tapped)

    def _tapped(self, event: Tap) -> None:
        for axis, number in zip(self.across, (event.x, event.y), strict=True):
            self.viewer.move(axis, number)

    def draw(self) -> None:
        """Read the section and show it."""
        viewer = self.viewer
        section = Section(self.axis, viewer.index(self.axis))
        name, over = viewer.ground.value, viewer.overlay.value
        volume = viewer.volumes[name]
        ground = SHOWN[name].factor * section_of(volume, section)
        if name == "image":
            ground = statistics_of(volume).normalise(ground)
        if over == NO_OVERLAY:
            value = shown = np.full_like(ground, np.nan)
        else:
            drawn = section_of(viewer.volumes[over], section)
            value = shown = SHOWN[over].factor * drawn
            if over == SPREAD:
                shown = np.where(drawn < MIN_SPREAD, np.float32(np.nan), value)
            elif over in TASKS["fault"]:
                fault = drawn
                if over != "fsem" and "fsem" in viewer.volumes:
                    fault = section_of(viewer.volumes["fsem"], section)
                hidden = fault < viewer.threshold.value
                shown = np.where(hidden, np.float32(np.nan), value)
        columns = {"ground": ground, "overlay": shown, "value": value}
        self.source.data = {key: [array.astype(np.float32)] for key, array in columns.items()}
        self.ground.glyph.color_mapper = _mapper(name)
        self.overlay.glyph.color_mapper = _mapper(over if over != NO_OVERLAY else name)
        self.figure.title.text = section.title(viewer.sidecar)

    def mark(self) -> None:
        """Mark the positions of the other sections."""
        for cut, axis in zip(self.cuts, self.across, strict=True):
            cut.location = float(self.viewer.sliders[axis].value)


def _mapper(name: str) -> LinearColorMapper:
    shown = SHOWN[name]
    nothing = "rgba(0, 0, 0, 0)"
    return LinearColorMapper(shown.palette, low=shown.low, high=shown.high, nan_color=nothing)


KEYS = """<b>Keys</b>: left/right: inline; down/up: crossline; page down/page up: time or depth.
Click a point to move the other two sections there. Dashed lines show these sections."""

ON_KEY = """
const keys = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1],
              PageDown: [2, 1], PageUp: [2, -1]}
document.addEventListener("keydown", (event) => {
  const key = keys[event.key]
  if (!key || event.target !== document.body) { return }
  const slider = sliders[key[0]]
  const value = slider.value + key[1] * slider.step
  if (!slider.disabled && value >= slider.start && value <= slider.end) { slider.value = value }
  event.preventDefault()
})
"""


class _Loopback(BokehTornado):
    """Answers only requests for localhost, to prevent DNS rebinding."""

    def find_handler(self, request: Any, **more: Any) -> Any:
        """Return the handler of a request, or refuse it with status 403."""
        if request.host_name not in ("localhost", HOST):
            return self.get_handler_delegate(request, web.ErrorHandler, {"status_code": 403})
        return super().find_handler(request, **more)


def make_server(
    volumes: dict[str, Volume], port: int, probability: float = PROBABILITY
) -> tuple[BaseServer, int]:
    """Create the server of the viewer on the loopback interface, without starting it.

    Args:
        volumes: Volumes by attribute.
        port: Port, or 0 for any free port.
        probability: Initial minimum fault probability.

    Returns:
        The server and its port.

    Raises:
        StrataflowError: The port is in use.
    """
    try:
        sockets = bind_sockets(port, HOST)
    except OSError as error:
        raise StrataflowError(f"--port: {port}: {error.strerror}; choose another port") from error
    port = sockets[0].getsockname()[1]
    handler = FunctionHandler(lambda document: _open(volumes, document, probability))
    application = Application(handler)
    names = [f"{host}:{port}" for host in ("localhost", HOST)]
    tornado = _Loopback({"/": application}, extra_websocket_origins=names)
    http = HTTPServer(tornado)
    http.add_sockets(sockets)
    return BaseServer(IOLoop.current(), tornado, http), port


def _open(volumes: dict[str, Volume], document: Document, probability: float) -> None:
    Viewer(volumes, document, probability)
