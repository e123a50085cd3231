"""Colours of pictures, one home for each, and how pictures are written.

All palettes can be told apart with the common colour-vision deficiencies.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from PIL import Image

from ..files import written_whole

# Limit of the grey scale in standard deviations of the amplitudes.
GREY_CLIP = 2.5

# Number of RGT contours.
HORIZONS = 14

# Minimum probability and minimum spread that are drawn.
MIN_SHOWN, MIN_SPREAD = 0.2, 0.05

# Colours of faults, in turn: those of Okabe and Ito (2008, jfly.uni-koeln.de/color) without black,
# the ones that stand out from a grey section first. Each of the others was chosen to differ most
# from all before it, in CIELAB, with normal vision and with deuteranopia.
COLOURS_OF_FAULTS = (
    *("#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#F0E442", "#D55E00", "#0072B2"),
    *("#3333FF", "#FFD2A6", "#5975FF", "#736628", "#59FFFF", "#43BF58", "#993688"),
    *("#BFE673", "#2EE6A8", "#5082E6", "#BF0000", "#397343", "#BFAB43"),
)

# Cyclic colours, because strikes of 0 and 180 degrees are the same: blue, green, yellow,
# vermilion and purple of Okabe and Ito.
CYCLIC = "strataflow_strike"
colormaps.register(
    LinearSegmentedColormap.from_list(
        CYCLIC, ["#0072B2", "#009E73", "#F0E442", "#D55E00", "#CC79A7", "#0072B2"]
    ),
    force=True,
)

# Palettes of RGT, dip, and the spread of the fault probability.
TIME, DIP, UNCERTAINTY = "viridis", "plasma", "viridis"

# Colours of the time or depth of horizons: yellow where it is shallow. Without the darkest colours
# of viridis, contours stay visible.
STRUCTURE = "strataflow_structure"
colormaps.register(
    ListedColormap(colormaps["viridis"](np.linspace(1, 0.12, 256)), STRUCTURE), force=True
)

# From transparent orange to vermilion, so that the amplitudes show through at low probabilities.
FAULT_COLOURS = ListedColormap(
    [(1 - 0.17 * p, 0.75 - 0.5 * p, 0.0, 0.25 + 0.7 * p) for p in np.linspace(0, 1, 256)]
)

# The lower the confidence, the more purple; amplitudes show through where it is high.
DOUBT = ListedColormap([(0.55, 0.2, 0.65, 0.85 * (1 - c)) for c in np.linspace(0, 1, 256)])

# Pixels per inch of pictures, and their compression: 4 takes half the time of 6, for 10 % more.
DPI, COMPRESSION = 110, 4

# Colours of a PNG file with a palette, and of each of up to three continuous palettes in it.
PALETTE, LEVELS = 256, 64


def fault_colour(number: int) -> str:
    """Colour of a fault, as #RRGGBB; `number` counts from 1. It is the same in all pictures."""
    return COLOURS_OF_FAULTS[(number - 1) % len(COLOURS_OF_FAULTS)]


def save_picture(path: Path, figure: Figure, few_colours: bool = False) -> None:
    """Write a figure as PNG, reproducibly.

    Pictures of at most PALETTE colours are written with a palette, which makes them smaller.

    Args:
        path: File to write.
        figure: What to write.
        few_colours: Whether colours may be replaced by similar ones to get there. Continuous
            palettes need LEVELS colours or less to keep theirs.
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, format="png", pil_kwargs={"compress_level": 0})
    picture = Image.open(drawn).convert("RGB")
    if few_colours or picture.getcolors(PALETTE):
        picture = picture.quantize(PALETTE, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with written_whole(path) as (temporary,):
        picture.save(temporary, "png", compress_level=COMPRESSION, dpi=(DPI, DPI))
