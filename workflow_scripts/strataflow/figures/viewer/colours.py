"""Colours of sections: amplitudes with attributes over them, as pictures of red, green and blue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, to_hex
from numpy.typing import NDArray

from ...volume.attributes import CONFIDENCE, FAULT_ID, SPREAD
from ...volume.raw import Array
from ...volume.sidecar import Sidecar
from ...volume.volume import Volume
from ..style import (
    CYCLIC,
    DIP,
    DOUBT,
    FAULT_COLOURS,
    MIN_SPREAD,
    TIME,
    UNCERTAINTY,
    fault_colour,
)
from .folder import IMAGE
from .reading import sample_of

Picture = NDArray[np.float32]

# Palettes of amplitudes. In red-white-blue, negative amplitudes are red.
AMPLITUDES = {"grey": "gray", "red-white-blue": "RdBu", "blue-white-red": "RdBu_r"}

# Palette of throws, which are negative at reverse faults.
THROWS = "PuOr"

# Colours of a colour bar.
BAR_COLOURS = 64

FAULT_NUMBERS = 50


@dataclass(frozen=True)
class Display:
    """How an attribute is drawn.

    Attributes:
        label: Title of the colour bar.
        palette: Colours from `low` to `high`.
        low: Value of the first colour.
        high: Value of the last colour.
        smooth: Whether to interpolate between samples.
    """

    label: str
    palette: Colormap
    low: float
    high: float
    smooth: bool = True


@dataclass
class Colours:
    """Colours of the volumes of a prediction; statistics of amplitudes are taken once."""

    volumes: dict[str, Volume]
    _samples: dict[str, NDArray[np.floating]] = field(default_factory=dict)

    def display(self, name: str, palette: str, clip: float, gain: float) -> Display:
        """How an attribute is drawn.

        Args:
            name: Attribute.
            palette: Palette of amplitudes.
            clip: Percentage of the amplitudes within the limits of the palette.
            gain: Factor of the amplitudes.
        """
        if name in (IMAGE, "dhr"):
            limit = self.limit(name, clip) / gain
            label = "amplitude" if name == IMAGE else "denoised amplitude"
            return Display(label, colormaps[AMPLITUDES[palette]], -limit, limit)
        if name == "fthrow":
            unit = self.volumes[name].sidecar.axes[2].unit
            limit = self.limit(name, 99.9)
            return Display(f"throw ({unit})", colormaps[THROWS], -limit, limit, smooth=False)
        return _DISPLAYS[name](self.volumes[name].sidecar)

    def limit(self, name: str, clip: float) -> float:
        """The `clip`-th percentile of the magnitude; 1 where all is zero."""
        if name not in self._samples:
            volume = self.volumes[name]
            sample = _factor(name, volume.sidecar) * np.abs(sample_of(volume))
            self._samples[name] = np.sort(sample[sample > 0] if name == "fthrow" else sample)
        sorted_sample = self._samples[name]
        limit = float(np.percentile(sorted_sample, clip)) if sorted_sample.size else 0.0
        return limit if limit > 0 else 1.0


def _probability(_: Sidecar) -> Display:
    return Display("fault probability", FAULT_COLOURS, 0, 1)


def _strike(sidecar: Sidecar) -> Display:
    what = "from north" if sidecar.corners else "from the inline axis"
    return Display(f"strike {what} (°)", colormaps[CYCLIC], 0, 180, smooth=False)


_DISPLAYS: dict[str, Callable[[Sidecar], Display]] = {
    "rgt": lambda _: Display("relative geologic time", colormaps[TIME], 0, 1),
    "fsem": _probability,
    "fthin": lambda _: Display("thinned fault probability", FAULT_COLOURS, 0, 1, smooth=False),
    "fdip": lambda sidecar: Display(
        f"{'apparent dip' if sidecar.is_line else 'dip'} on the grid (°)",
        *(colormaps[DIP], 0, 90),
        smooth=False,
    ),
    "fstrike": _strike,
    # The standard deviation of numbers from 0 to 1 is at most 0.5.
    SPREAD: lambda _: Display("spread of the fault probability", colormaps[UNCERTAINTY], 0, 0.5),
    CONFIDENCE: lambda _: Display("confidence of geologic time", DOUBT, 0, 1),
    FAULT_ID: lambda _: Display(
        "fault number",
        ListedColormap([fault_colour(number) for number in range(1, FAULT_NUMBERS + 1)]),
        0.5,
        FAULT_NUMBERS + 0.5,
        smooth=False,
    ),
}


def _factor(name: str, sidecar: Sidecar) -> float:
    return abs(sidecar.axes[2].step) if name == "fthrow" else 1.0


def displayed(name: str, values: Array, sidecar: Sidecar) -> Array:
    """Values in the unit of the colour bar: dip of 0 to 90 and strike of 0 to 180 degrees."""
    if name == "fdip":
        degrees = 180 * values
        return np.minimum(degrees, 180 - degrees)
    if name == "fstrike":
        degrees = 180 * values
        return (sidecar.azimuth(degrees) if sidecar.corners else degrees % 180).astype(np.float32)
    if name == FAULT_ID:
        return np.where(values > 0, (values - 1) % FAULT_NUMBERS + 1, 0).astype(np.float32)
    return (_factor(name, sidecar) * values).astype(np.float32)


def hidden(name: str, values: Array, fsem: Array | None, threshold: float) -> NDArray[np.bool_]:
    """Where an attribute is not drawn: off the faults, below `threshold`, and where it is NaN.

    Args:
        name: Attribute.
        values: Its values as stored.
        fsem: Fault probability at the same places, if there is one.
        threshold: Minimum fault probability.
    """
    off = ~np.isfinite(values)
    if name in ("fsem", "fthin"):
        off |= values < threshold
    elif name in ("fdip", "fstrike"):
        off |= (values <= 0) if fsem is None else (fsem < threshold)
    elif name == SPREAD:
        off |= values < MIN_SPREAD
    elif name in (FAULT_ID, "fthrow"):
        off |= values == 0
    return off


def lay_over(
    picture: Picture,
    display: Display,
    values: Array,
    off: NDArray[np.bool_],
    opacity: float = 1.0,
) -> None:
    """Draw `values` over an opaque `picture`, in place.

    Args:
        picture: Red, green and blue (rows, columns, 3), 0 to 1.
        display: Colours of the values.
        values: Values (rows, columns) in the unit of the colour bar.
        off: Where nothing is drawn.
        opacity: Factor of the opacity of the colours.
    """
    last = display.palette.N - 1
    table = np.asarray(display.palette(np.arange(last + 1)), np.float32)
    table[:, 3] *= opacity
    on = np.nonzero(~off) if off.any() else (slice(None),)
    scale = np.float32((last + 1) / (display.high - display.low))
    index = ((values[on] - np.float32(display.low)) * scale).clip(0, last).astype(np.int32)
    if table[:, 3].min() == 1:
        picture[on] = table[index, :3]
    else:
        # Colours times their opacities, so that a pixel costs two look-ups.
        picture[on] *= (1 - table[:, 3])[index][..., None]
        picture[on] += (table[:, :3] * table[:, 3:])[index]


def packed(picture: Picture, off: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """A picture (rows, columns, 3) as Bokeh draws it, a number a pixel, transparent where `off`."""
    rows, columns, _ = picture.shape
    eight_bits = np.empty((rows, columns, 4), np.uint8)
    np.multiply(picture, np.float32(255), out=eight_bits[..., :3], casting="unsafe")
    eight_bits[..., 3] = np.where(off, 0, 255)
    return eight_bits.view("<u4")[..., 0]


def bar_of(display: Display) -> dict[str, object]:
    """Label, limits and colours of a colour bar."""
    count = min(BAR_COLOURS, display.palette.N)
    at = (np.arange(count) + 0.5) / count
    colours: Any = display.palette(at)
    return {
        "label": display.label,
        "low": display.low,
        "high": display.high,
        "colours": [to_hex(colour, keep_alpha=True) for colour in colours],
    }
