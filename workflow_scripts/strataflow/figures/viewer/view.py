"""What the page shows, as text in its address, so that a link restores it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from ...volume.attributes import CONFIDENCE, FAULT_ID, PROBABILITY, SPREAD
from ...volume.sidecar import Axis, Sidecar
from ...volume.units import METRES
from ..layout import NOMINAL_VELOCITY, scale_of
from ..wiggles import DENSITY, STYLES
from .colours import AMPLITUDES
from .folder import IMAGE, Prediction

NOTHING = "none"

# What the menus call volumes, and ways to draw traces; others have their own name.
WORDS = {
    NOTHING: "none",
    IMAGE: "amplitudes",
    "dhr": "denoised (dhr)",
    "rgt": "geologic time (rgt)",
    "fsem": "fault probability (fsem)",
    "fdip": "fault dip (fdip)",
    "fstrike": "fault strike (fstrike)",
    SPREAD: "spread (fuse)",
    CONFIDENCE: "confidence of geologic time (crgt)",
    "fthin": "thinned faults (fthin)",
    "fthrow": "throw (fthrow)",
    FAULT_ID: "fault number (fault_id)",
    "density": "variable density",
    "wiggle": "wiggles",
}

# Panels, in the order of the page.
PANELS = ("inline", "crossline", "slice", "line")

# Widest and narrowest choices of numbers.
CLIP, GAIN, VELOCITY, EXAGGERATION = (50.0, 100.0), (0.1, 20.0), (100.0, 30000.0), (0.1, 50.0)

# Most points of a line.
LINE_POINTS = 50


@dataclass(frozen=True)
class View:
    """What the page shows.

    Attributes:
        inline: Inline number of the inline section.
        crossline: Crossline number of the crossline section.
        vertical: Time or depth of the slice.
        ground: Volume below the overlays.
        traces: How vertical sections draw amplitudes: `density`, `wiggle` or `both`.
        palette: Palette of amplitudes.
        clip: Percentage of amplitudes within the limits of the palette.
        gain: Factor of amplitudes.
        overlay: First overlay.
        opacity: Its opacity.
        overlay2: Second overlay.
        opacity2: Its opacity.
        threshold: Minimum fault probability that overlays show.
        contours: Whether RGT overlays have contours.
        smooth: Whether to interpolate between samples.
        faults: Whether picked faults are lines.
        names: Whether faults and horizons have their names beside them.
        horizons: Whether horizons are lines.
        cuts: Whether sections show where the others are.
        hide: Numbers of faults that are switched off, separated by commas.
        hide_horizons: The same of horizons.
        fault: Number of the fault that is highlighted, 0 for none.
        horizon: Number of the horizon that is highlighted, counted from 1, 0 for none.
        aspect: `free` fills the panels, `true` keeps the vertical exaggeration.
        exaggeration: Vertical exaggeration where the aspect is true, and in 3D.
        velocity: Velocity in m/s that turns two-way times into depths for the aspect.
        window: Zoom: first and last inline, crossline, time or depth; empty for all.
        line: Points of the line on the slice: inline and crossline numbers, as in 10,20;30,40.
        large: Panel that fills the page; empty for all.
        tab: `sections` or `scene`.
        colour: Colours of faults in 3D: `fault` or `throw`.
        surface: Number of the horizon that the 3D scene shows, 0 for none.
        far: Whether the 3D scene has its sections at the far sides of the survey, behind the
            faults, and not where the panels have them.
    """

    inline: float = 0.0
    crossline: float = 0.0
    vertical: float = 0.0
    ground: str = ""
    traces: str = DENSITY
    palette: str = "grey"
    clip: float = 98.0
    gain: float = 1.0
    overlay: str = NOTHING
    opacity: float = 0.6
    overlay2: str = NOTHING
    opacity2: float = 0.6
    threshold: float = PROBABILITY
    contours: bool = True
    smooth: bool = True
    faults: bool = True
    names: bool = True
    horizons: bool = True
    cuts: bool = True
    hide: str = ""
    hide_horizons: str = ""
    fault: int = 0
    horizon: int = 0
    aspect: str = "free"
    exaggeration: float = 2.0
    velocity: float = NOMINAL_VELOCITY
    window: str = ""
    line: str = ""
    large: str = ""
    tab: str = "sections"
    colour: str = "fault"
    surface: int = 0
    far: bool = True

    def index(self, axis: int, prediction: Prediction) -> int:
        """Index of the section along an axis of (n3, n2, n1)."""
        number = (self.inline, self.crossline, self.vertical)[axis]
        place = prediction.sidecar.axes[axis]
        return _index(place, number, prediction.shape.array[axis])

    def hidden_faults(self) -> set[int]:
        """Numbers of faults that are switched off."""
        return _numbers(self.hide)

    def hidden_horizons(self) -> set[int]:
        """Numbers of horizons that are switched off, counted from 1."""
        return _numbers(self.hide_horizons)

    def line_points(self) -> list[tuple[float, float]]:
        """Inline and crossline numbers of the points of the line."""
        return _points(self.line)

    def limits(self) -> tuple[float, ...]:
        """First and last inline, crossline and time or depth of the zoom; empty for all."""
        return tuple(float(number) for number in self.window.split(",")) if self.window else ()

    def overlays(self) -> list[tuple[str, float]]:
        """Overlays with their opacities, the lowest first."""
        both = ((self.overlay, self.opacity), (self.overlay2, self.opacity2))
        return [(name, opacity) for name, opacity in both if name != NOTHING]


def _index(place: Axis, number: float, n: int) -> int:
    return min(max(round((number - place.first) / place.step), 0), n - 1)


def _numbers(text: str) -> set[int]:
    return {int(number) for number in text.split(",") if number}


def _points(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split(";") if pair]
    return [(float(inline), float(crossline)) for inline, crossline in pairs]


def drawn_height(sidecar: Sidecar, view: View) -> float:
    """Height of one ms or other unit of the vertical axis in a true aspect, in lateral units."""
    lateral, vertical = (METRES.get(sidecar.axes[axis].unit, 1.0) for axis in (0, 2))
    metres = view.velocity / 2000 if sidecar.domain == "time" else vertical
    return view.exaggeration * metres / lateral


def first_view(prediction: Prediction, probability: float = PROBABILITY) -> View:
    """What the page shows at first: sections through the middle, faults over amplitudes."""
    volumes = list(prediction.volumes)
    ground = next((name for name in (IMAGE, "dhr") if name in volumes), volumes[0])
    overlay = "fsem" if "fsem" in volumes and ground != "fsem" else NOTHING
    middle = [
        axis.first + axis.step * (n // 2)
        for axis, n in zip(prediction.sidecar.axes, prediction.shape.array, strict=True)
    ]
    inline, crossline, vertical = middle
    return View(
        inline,
        crossline,
        vertical,
        ground=ground,
        overlay=overlay,
        threshold=probability,
        exaggeration=scale_of(prediction.sidecar).exaggeration or 1.0,
    )


def changed(view: View, given: Mapping[str, Any], prediction: Prediction) -> tuple[View, list[str]]:
    """Change a view as a link or the page asks.

    Args:
        view: What is shown.
        given: Values by field of View, as text or as JSON has them.
        prediction: Volumes that can be shown.

    Returns:
        The new view, and a note for each value that is not valid and was left out.
    """
    kinds = {f.name: type(f.default) for f in fields(View)}
    notes, values = [], {}
    for name, value in given.items():
        if name not in kinds:
            notes.append(f"{name}={value}: unknown, left out")
            continue
        try:
            values[name] = _CHECKS.get(name, _as_it_is)(_parsed(kinds[name], value), prediction)
        except ValueError as error:
            notes.append(f"{name}={value}: {error}")
    return replace(view, **values), notes


def link_of(view: View, start: View) -> str:
    """The address of a view, relative to the page: position, and what differs from `start`."""
    values = {f.name: getattr(view, f.name) for f in fields(View)}
    position = ("inline", "crossline", "vertical")
    shown = {k: v for k, v in values.items() if k in position or v != getattr(start, k)}
    texts = {k: int(v) if isinstance(v, bool) else v for k, v in shown.items()}
    return "?" + urlencode(
        {k: f"{v:.10g}" if isinstance(v, float) else v for k, v in texts.items()}
    )


def _parsed(kind: type, value: Any) -> Any:
    if kind is bool:
        words = {"true": True, "1": True, "false": False, "0": False}
        if str(value).lower() not in words:
            raise ValueError("expected 1 or 0")
        return words[str(value).lower()]
    if kind in (int, float):
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError("expected a number") from None
        if not math.isfinite(number):
            raise ValueError("expected a finite number")
        return int(number) if kind is int else number
    return str(value)


def _as_it_is(value: Any, _: Prediction) -> Any:
    return value


def _on_axis(axis: int) -> Callable[[Any, Prediction], float]:
    """The line, time or depth closest to a number."""

    def check(value: Any, prediction: Prediction) -> float:
        place = prediction.sidecar.axes[axis]
        return place.first + place.step * _index(place, value, prediction.shape.array[axis])

    return check


def _volume(value: Any, prediction: Prediction) -> str:
    if value not in prediction.volumes:
        raise ValueError(f"no such attribute, expected one of {' '.join(prediction.volumes)}")
    return str(value)


def _overlay(value: Any, prediction: Prediction) -> str:
    return NOTHING if value == NOTHING else _volume(value, prediction)


def _between(low: float, high: float) -> Callable[[Any, Prediction], float]:
    def check(value: Any, _: Prediction) -> float:
        if not low <= value <= high:
            raise ValueError(f"expected {low:g} to {high:g}")
        return float(value)

    return check


def _one_of(*names: str) -> Callable[[Any, Prediction], str]:
    def check(value: Any, _: Prediction) -> str:
        if value not in names:
            raise ValueError(f"expected one of {' '.join(name for name in names if name)}")
        return str(value)

    return check


def _list(value: Any, _: Prediction) -> str:
    try:
        return ",".join(str(number) for number in sorted(_numbers(value)))
    except ValueError:
        raise ValueError("expected numbers separated by commas") from None


def _line(value: Any, prediction: Prediction) -> str:
    try:
        points = _points(value)
    except ValueError:
        raise ValueError("expected points as in 10,20;30,40") from None
    if len(points) > LINE_POINTS:
        raise ValueError(f"expected at most {LINE_POINTS} points")
    inside = [[_on_axis(axis)(p[axis], prediction) for axis in (0, 1)] for p in points]
    # A line needs two places.
    distinct = [p for i, p in enumerate(inside) if i == 0 or p != inside[i - 1]]
    return ";".join(f"{a:.10g},{b:.10g}" for a, b in distinct)


def _window(value: Any, _: Prediction) -> str:
    try:
        numbers = [float(number) for number in value.split(",")] if value else []
    except ValueError:
        numbers = [math.nan]
    if len(numbers) not in (0, 6) or not all(map(math.isfinite, numbers)):
        raise ValueError("expected six numbers")
    return str(value)


_CHECKS: dict[str, Callable[[Any, Prediction], Any]] = {
    "inline": _on_axis(0),
    "crossline": _on_axis(1),
    "vertical": _on_axis(2),
    "ground": _volume,
    "traces": _one_of(*STYLES),
    "palette": _one_of(*AMPLITUDES),
    "clip": _between(*CLIP),
    "gain": _between(*GAIN),
    "overlay": _overlay,
    "overlay2": _overlay,
    "opacity": _between(0, 1),
    "opacity2": _between(0, 1),
    "threshold": _between(0, 1),
    "hide": _list,
    "hide_horizons": _list,
    "aspect": _one_of("free", "true"),
    "exaggeration": _between(*EXAGGERATION),
    "velocity": _between(*VELOCITY),
    "window": _window,
    "line": _line,
    "large": _one_of("", *PANELS),
    "tab": _one_of("sections", "scene"),
    "colour": _one_of("fault", "throw"),
}
