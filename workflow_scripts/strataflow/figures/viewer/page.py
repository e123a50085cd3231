"""The page of one visitor: four panels that follow the view."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.models import ColumnDataSource, CustomJS
from jinja2 import Template

from ...volume.attributes import FAULT_ID
from ...volume.units import METRES
from ..north import compass_of
from ..wiggles import STYLES
from .colours import AMPLITUDES, Colours, bar_of
from .content import full_range
from .folder import Prediction
from .panel import Panel
from .places import fault_rows, horizon_rows, throw_display
from .view import NOTHING, PANELS, WORDS, View, changed, link_of

ASSETS = Path(__file__).with_name("assets")

# Scripts of the page.
SCRIPTS = ("compass.js", "page.js")

# Share of the live traces of the longest line that a line at the far side of the 3D scene has.
LONG = 0.8


class Page:
    """Panels, and what they share with the script of the page.

    The script asks for a new view through `asked`, one at a time. Python draws it, and answers with
    the view that it drew through `told`. Panels of `drawn_panels` save most of the time that the
    first picture takes.
    """

    def __init__(
        self,
        prediction: Prediction,
        colours: Colours,
        document: Document,
        view: View,
        start: View,
        notes: Sequence[str] = (),
        panels: Sequence[Panel] | None = None,
    ) -> None:
        self.prediction, self.colours, self.document = prediction, colours, document
        self.view, self.start, self.notes = view, start, [*notes, *prediction.notes]
        self.count = 0
        self.panels = panels or [Panel(prediction, colours, name, view) for name in PANELS]
        if panels:
            for panel in panels:
                panel.zoom(view)
        self.asked = ColumnDataSource({"view": ["{}"]}, name="asked")
        self.told = ColumnDataSource({"view": ["{}"]}, name="told")
        self.picks = ColumnDataSource({"lists": ["{}"]}, name="picks")
        self._listen()
        self._show_picks()
        self.draw()
        # Bokeh would look for all models again after each root.
        with document.models.freeze():
            for panel in self.panels:
                document.add_root(panel.figure)
        document.title = f"strataflow: {prediction.name}"
        document.template = page_template()
        document.template_variables.update(menus_of(prediction))

    def _listen(self) -> None:
        """Connect the script of the page."""
        for panel in self.panels:
            panel.listen()
        self.asked.on_change("data", self._asked)
        for source in (self.told, self.picks):
            source.js_on_change("data", CustomJS(code="window.strataflow.heard(cb_obj)"))
        # Sources that no figure refers to would not be kept in step.
        self.panels[0].figure.tags = [self.asked, self.told, self.picks]
        args = {
            "asked": self.asked,
            "told": self.told,
            "picks": self.picks,
            "figures": {panel.name: panel.figure for panel in self.panels},
            "facts": facts_of(self.prediction),
        }
        code = f"window.strataflow.start({{{', '.join(args)}}})"
        self.document.js_on_event("document_ready", CustomJS(args=args, code=code))

    def note(self, notes: list[str]) -> None:
        """Add what was left out to the notes of the page."""
        self.notes += [note for note in notes if note not in self.notes]

    def draw(self) -> None:
        """Draw the view, and tell the script."""
        for panel in self.panels:
            panel.draw(self.view)
        layers = [self.view.ground, *(name for name, _ in self.view.overlays())]
        how = (self.view.palette, self.view.clip, self.view.gain)
        # The colours of fault numbers repeat, so that a bar would say nothing.
        named = [name for name in dict.fromkeys(layers) if name != FAULT_ID]
        bars = [bar_of(self.colours.display(name, *how)) for name in named]
        self.count += 1
        told = {"view": asdict(self.view), "notes": self.notes, "bars": bars, "count": self.count}
        told["link"] = link_of(self.view, self.start)
        self.told.data = {"view": [json.dumps(told)]}

    def _asked(self, attr: str, old: Any, new: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.view, notes = changed(self.view, json.loads(new["view"][0]), self.prediction)
        self.note(notes)
        self.draw()

    def _show_picks(self) -> None:
        """Show the picks when they have been read."""
        if not self.prediction.picks.done():
            self.document.add_timeout_callback(self._show_picks_later, 100)
            return
        self.note(self.prediction.picks.result().notes)
        lists = {
            "faults": fault_rows(self.prediction),
            "horizons": horizon_rows(self.prediction),
            "throw_bar": bar_of(throw_display(self.prediction)),
        }
        self.picks.data = {"lists": [json.dumps(lists)]}

    def _show_picks_later(self) -> None:
        self._show_picks()
        if self.prediction.picks.done():
            self.draw()


def drawn_panels(prediction: Prediction, colours: Colours, view: View) -> list[Panel]:
    """Panels of a view, for the page of the next visitor."""
    panels = [Panel(prediction, colours, name, view) for name in PANELS]
    for panel in panels:
        panel.draw(view)
    return panels


def facts_of(prediction: Prediction) -> dict[str, Any]:
    """What the script of the page needs to know about a survey."""
    sidecar = prediction.sidecar
    axes = [
        {
            "name": name,
            "first": axis.first,
            "step": axis.step,
            "count": n,
            "spacing": axis.spacing,
            "unit": axis.unit,
            "metres": METRES.get(axis.unit, 1.0),
            "range": full_range(prediction, number),
        }
        for number, (name, axis, n) in enumerate(
            zip(sidecar.axis_names, sidecar.axes, prediction.shape.array, strict=True)
        )
    ]
    compass = compass_of(sidecar)
    return {
        "name": prediction.name,
        "domain": sidecar.domain,
        "axes": axes,
        "compass": None if compass is None else compass.tolist(),
        "far": {PANELS[axis]: far_lines(prediction, axis) for axis in (0, 1)},
    }


def far_lines(prediction: Prediction, axis: int) -> list[float]:
    """Numbers of the first and the last inline or crossline that is nearly as long as any."""
    place, count = prediction.sidecar.axes[axis], prediction.sidecar.live.sum(axis=1 - axis)
    long = np.flatnonzero(count >= LONG * count.max())
    return [place.first + place.step * int(index) for index in (long[0], long[-1])]


def menus_of(prediction: Prediction) -> dict[str, Any]:
    """Variables of the template of the page."""
    return {
        "volume": prediction.name,
        "grounds": list(prediction.volumes),
        "overlays": [NOTHING, *prediction.volumes],
        "palettes": list(AMPLITUDES),
        "styles": STYLES,
        "words": WORDS,
        "axes": facts_of(prediction)["axes"],
        "domain": prediction.sidecar.domain,
        "script": "\n".join(map(_asset, SCRIPTS)),
        "style": _asset("page.css"),
    }


@cache
def page_template() -> Template:
    """The template of the page."""
    return Template(_asset("page.html.jinja"), autoescape=False)


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text()
