"""One panel of the page: a section or the traces below a line, drawn by Bokeh."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BasicTickFormatter, ColumnDataSource, CustomJS, Range1d, Span, glyphs
from bokeh.plotting import figure

from ..section import Section, axis_label
from ..wiggles import DENSITY
from .colours import Colours, packed
from .content import Content, content_of, full_range, labels_of
from .folder import Prediction
from .layers import (
    picture_of,
    wiggles_in,
)
from .view import PANELS, View

CUT_COLOUR, CONTOUR_COLOUR, LINE_COLOUR = "#0050c8", "#202020", "#d00060"
TRACE_COLOUR = "#000000"

# Colour outside of the volume, and of dead traces.
DEAD = "#d9dde2"

# Width of the dark edge of lines, both sides together, in pixels.
EDGE = 1.6


class Panel:
    """A Bokeh figure that shows a section, or the traces below a line."""

    def __init__(self, prediction: Prediction, colours: Colours, name: str, view: View) -> None:
        self.prediction, self.colours, self.name = prediction, colours, name
        self._drawn: dict[str, tuple[Any, ...]] = {}
        sidecar = prediction.sidecar
        if name == "line":
            self.axes: tuple[int | None, int] = (None, 2)
            label = f"distance ({sidecar.axes[0].unit})"
        else:
            axes = Section(PANELS.index(name), 0).axes
            self.axes, label = axes, axis_label(sidecar, axes[0])
        self.figure = figure(
            x_range=Range1d(),
            y_range=Range1d(),
            x_axis_label=label,
            y_axis_label=axis_label(sidecar, self.axes[1]),
            sizing_mode="stretch_both",
            min_width=120,
            min_height=120,
            tools="pan,wheel_zoom",
            active_scroll="wheel_zoom",
            toolbar_location=None,
            name=name,
            title=" ",
            lod_threshold=None,
            background_fill_color=DEAD,
        )
        for axis in (*self.figure.xaxis, *self.figure.yaxis):
            axis.formatter = BasicTickFormatter(use_scientific=False)
            axis.axis_label_text_font_style = "normal"
        self._add_glyphs()
        self.zoom(view)

    def zoom(self, view: View) -> None:
        """Set the ranges to those of a view."""
        low, high = (0.0, 1.0) if self.axes[0] is None else self._zoom(view, self.axes[0])
        top, bottom = self._zoom(view, self.axes[1])
        self.figure.x_range.update(start=low, end=high)
        # Time, depth and, on slices, inlines increase downward.
        self.figure.y_range.update(start=bottom, end=top)

    def _zoom(self, view: View, axis: int) -> tuple[float, float]:
        limits = view.limits()
        if not limits:
            return full_range(self.prediction, axis)
        return limits[2 * axis], limits[2 * axis + 1]

    def _add_glyphs(self) -> None:
        place: dict[str, list[Any]] = {"picture": [], "x": [], "y": [], "dw": [], "dh": []}
        self.picture = self._add(place, glyphs.ImageRGBA(image="picture"))
        nothing: dict[str, list[Any]] = {"x": [], "y": []}
        self.areas = self._add(nothing, glyphs.Patch(fill_color=TRACE_COLOUR, line_color=None))
        self.wiggles = self._add(nothing, glyphs.Line(line_color=TRACE_COLOUR, line_width=0.7))
        curves = glyphs.MultiLine(line_color=CONTOUR_COLOUR, line_width=0.8)
        self.contours = self._add({"xs": [], "ys": []}, curves)
        # A dark edge makes all colours stand out from grey sections.
        self.lines = self._add(
            {"xs": [], "ys": [], "colour": [], "width": [], "wider": []},
            glyphs.MultiLine(line_color="#000000", line_width="wider"),
            glyphs.MultiLine(line_color="colour", line_width="width"),
        )
        names = glyphs.Text(
            text_align="align",
            text_font_size="11px",
            text_color="#101010",
            background_fill_color="#ffffff",
            background_fill_alpha=0.8,
            border_line_color="colour",
            border_line_width=1.5,
            padding=2,
            text_baseline="top",
        )
        self.labels = self._add({"x": [], "y": [], "text": [], "colour": [], "align": []}, names)
        if self.name == "slice":
            self.drawn_line = self._add(
                nothing,
                glyphs.Line(line_color=LINE_COLOUR, line_width=2),
                glyphs.Scatter(size=8, fill_color="#ffffff", line_color=LINE_COLOUR),
            )
        # On a layer of their own, so that moving them does not paint the section again.
        dashed: dict[str, Any] = {
            "line_color": CUT_COLOUR,
            "line_dash": "dashed",
            "line_width": 1.2,
        }
        self.cuts = [Span(dimension=d, level="overlay", **dashed) for d in ("height", "width")]
        for cut in self.cuts:
            self.figure.add_layout(cut)

    def _add(self, columns: dict[str, list[Any]], *shapes: Any) -> ColumnDataSource:
        """Add glyphs that share a source. `figure.line` and the like make three of each."""
        source = ColumnDataSource(columns)
        for shape in shapes:
            self.figure.add_glyph(source, shape)
        return source

    def listen(self) -> None:
        """Send what the pointer does in the figure to the script of the page."""
        for event, call in (
            ("tap", "tap"),
            ("doubletap", "doubletap"),
            ("mousemove", "pointed"),
            ("mouseleave", "left"),
            ("rangesupdate", "zoomed"),
        ):
            code = f"window.strataflow.{call}('{self.name}', cb_obj)"
            self.figure.js_on_event(event, CustomJS(code=code))

    def draw(self, view: View) -> None:
        """Show a view; read and draw only what has changed."""
        self._mark(view)
        ranges = [(r.start, r.end) for r in (self.figure.x_range, self.figure.y_range)]
        if self.axes[0] is None:
            ranges[0] = (-np.inf, np.inf)
        content = content_of(self.prediction, view, self.name, *ranges)
        if content is None:
            self._clear()
            return
        where = (content.title, content.cut.columns, content.cut.rows, view.line)
        layers = (view.ground, view.overlay, view.overlay2)
        looks: tuple[Any, ...] = (
            view.palette,
            view.clip,
            view.gain,
            view.opacity,
            view.opacity2,
            view.threshold,
        )
        looks += (view.traces, view.traces != DENSITY and view.tab)
        if self._has_changed("picture", (where, layers, looks, view.contours, view.smooth)):
            self._draw_picture(content)
        lists = (view.faults, view.horizons, view.hide, view.hide_horizons)
        marks = (view.names, view.fault, view.horizon, self.prediction.picks.done())
        if self._has_changed("curves", (where, lists, marks)):
            self._draw_curves(content)
        self.figure.title.text = content.title

    def _has_changed(self, what: str, key: tuple[Any, ...]) -> bool:
        """Whether `key` differs from that of the last call."""
        changed = self._drawn.get(what) != key
        self._drawn[what] = key
        return changed

    def _clear(self) -> None:
        self._drawn.clear()
        shown = (self.picture, self.wiggles, self.areas, self.contours, self.lines, self.labels)
        for source in shown:
            source.data = {key: [] for key in source.data}

    def _draw_picture(self, content: Content) -> None:
        picture, dead = picture_of(self.prediction, self.colours, content.view, content.cut)
        left, width, top, height = content.cut.box()
        if self.axes[0] is None:
            self.figure.x_range.update(start=left, end=left + width)
        self.picture.data = {
            "picture": [packed(picture, dead)],
            "x": [left],
            "y": [top],
            "dw": [width],
            "dh": [height],
        }
        wiggles = wiggles_in(self.prediction, self.colours, content.view, content.cut)
        nothing = np.empty(0), np.empty(0)
        curves = (wiggles.line, wiggles.area) if wiggles else (nothing, nothing)
        for source, (x, y) in zip((self.wiggles, self.areas), curves, strict=True):
            source.data = {"x": x, "y": y}
        contours = content.contours()
        self.contours.data = {
            "xs": [curve[0] for curve in contours],
            "ys": [curve[1] for curve in contours],
        }

    def _draw_curves(self, content: Content) -> None:
        horizons, faults = content.horizons(), content.faults()
        curves = [*horizons, *faults]
        self.lines.data = {
            "xs": [curve.x for curve in curves],
            "ys": [curve.y for curve in curves],
            "colour": [curve.colour for curve in curves],
            "width": [curve.width for curve in curves],
            "wider": [curve.width + EDGE for curve in curves],
        }
        labels = labels_of(horizons, faults, content.cut.box()) if content.view.names else []
        self.labels.data = {
            "x": [place[0] for _, place, _ in labels],
            "y": [place[1] for _, place, _ in labels],
            "text": [short_name(curve.name) for curve, _, _ in labels],
            "colour": [curve.colour for curve, _, _ in labels],
            "align": [side for _, _, side in labels],
        }

    def _mark(self, view: View) -> None:
        """Mark the positions of the other sections, and the line on the slice."""
        numbers = (view.inline, view.crossline, view.vertical)
        for cut, axis in zip(self.cuts, self.axes, strict=True):
            cut.visible = view.cuts and axis is not None
            cut.location = 0.0 if axis is None else numbers[axis]
        if self.name == "slice" and self._has_changed("line", (view.line,)):
            points = view.line_points()
            self.drawn_line.data = {"x": [p[1] for p in points], "y": [p[0] for p in points]}


def short_name(name: str) -> str:
    """A name as it is written beside a line: F3 for fault_3, H4 for horizon_04."""
    kind, _, number = name.rpartition("_")
    short = {"fault": "F", "horizon": "H"}.get(kind)
    return f"{short}{int(number)}" if short and number.isdigit() else name
