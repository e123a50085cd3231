"""Faults of a single line, which are curves: they are picked as surfaces across copies of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..volume.volume import Volume
from .surfaces import Surface

# Copies of the line side by side: a fault of 18 voxels has the minimum area of a surface.
COPIES = 11


def repeated(volume: Volume) -> Volume:
    """A volume (COPIES, n2, n1) of copies of a single line, as a view."""
    sidecar = volume.sidecar
    live = np.broadcast_to(sidecar.live, (COPIES, sidecar.shape.n2))
    wide = replace(sidecar, shape=replace(sidecar.shape, n3=COPIES), live=live, checksums=())
    values = np.broadcast_to(volume.values, wide.shape.array)
    return replace(volume, values=values, sidecar=wide)


def on_line(surface: Surface) -> Surface:
    """A surface across the copies, moved so that the line itself is the middle one."""
    origin = surface.frame.origin - np.array([COPIES // 2, 0.0, 0.0])
    return replace(surface, frame=replace(surface.frame, origin=origin))
