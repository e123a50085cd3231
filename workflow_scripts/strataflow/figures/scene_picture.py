"""The 3D scene of a run as a picture, drawn in a process of its own that may fail."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..files import written_whole
from ..volume.tables import read_horizons
from ..volume.volume import Volume
from .fault_lines import read_fault_meshes
from .layout import scale_of
from .scene import render
from .scene_model import Scene, middle_horizon

# Seconds after which rendering is given up.
PATIENCE = 300.0

# Width of the survey divided by its height in the scene.
WIDE = 2.0


def draw_scene(
    image: Volume,
    prediction: Path,
    output: Path,
    velocity: float | None = None,
    drawn: Callable[[Scene, Path], None] = render,
) -> str | None:
    """Draw the 3D scene of a run, if this machine can render.

    Writes `output`.scene.json, which describes the scene, and `output`.scene.png. If rendering
    fails, for example without OpenGL libraries, the picture is left out and the reason is in
    the description.

    Args:
        image: Input image.
        prediction: PREFIX of faults.vtp and horizons.csv; either may be missing.
        output: PREFIX of the files to write.
        velocity: m/s that turns two-way time into depth, for the vertical exaggeration.
        drawn: Function that draws a scene to a path.

    Returns:
        Why there is no picture, in one line; None if there is one.
    """
    scene = read_scene(image, prediction, velocity)
    picture = Path(f"{output}.scene.png")
    picture.unlink(missing_ok=True)
    flat = image.shape.n3 == 1
    reason = "a 2D line has no 3D scene" if flat else None
    reason = reason or failure(lambda: drawn(scene, picture), PATIENCE)
    if reason is None and not picture.is_file():
        reason = "the renderer wrote no picture"
    description = {
        "picture": None if reason else picture.name,
        "reason": reason,
        "faults": len(scene.meshes.numbers) if scene.meshes else 0,
        "horizon": scene.horizon.name if scene.horizon else None,
        "sections": [] if flat else [s.title(image.sidecar) for s in scene.sections],
        "scale": scene.scale.text,
        "exaggeration": scene.scale.exaggeration,
        # For the same scene in ParaView: indices, and lateral units for one of the vertical axis.
        "indices": [] if flat else [section.index for section in scene.sections],
        "camera": [float(value) for value in scene.towards(scene.corner)],
        "vertical_scale": abs(scene.scale.steps[2] / image.sidecar.axes[2].step),
    }
    with written_whole(Path(f"{output}.scene.json")) as (path,):
        path.write_text(json.dumps(description, indent=1) + "\n")
    return reason


def read_scene(image: Volume, prediction: Path, velocity: float | None = None) -> Scene:
    """The scene of a run: what exists of fault surfaces and horizons is shown.

    Args:
        image: Input image.
        prediction: PREFIX of faults.vtp and horizons.csv.
        velocity: m/s that turns two-way time into depth.

    Raises:
        StrataflowError: A file is damaged.
    """
    surfaces, table = (Path(f"{prediction}.{name}") for name in ("faults.vtp", "horizons.csv"))
    meshes = read_fault_meshes(surfaces, image.sidecar) if surfaces.is_file() else None
    horizon = None
    if table.is_file():
        names, indices = read_horizons(table, image.sidecar)
        horizon = middle_horizon(names, indices, meshes)
    return Scene(image, meshes, horizon, scale_of(image.sidecar, velocity, WIDE))


def failure(work: Callable[[], None], seconds: float) -> str | None:
    """Do `work` in a process of its own.

    VTK ends the whole process if it finds no OpenGL library.

    Args:
        work: What to do.
        seconds: Time after which it is ended.

    Returns:
        None if it succeeded, or else the reason in one line.
    """
    with tempfile.TemporaryFile("w+") as messages:
        process = multiprocessing.get_context("fork").Process(
            target=_done, args=(work, messages.fileno())
        )
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
            return f"not finished after {seconds:g} s"
        if process.exitcode == 0:
            return None
        messages.seek(0)
        said = [line.strip() for line in messages.read().splitlines() if line.strip()]
    told = [line for line in said if re.search(r"error|fail|could not|unable", line, re.IGNORECASE)]
    reason = re.sub(r"\x1b\[[0-9;]*m|^.*\b(ERR|WARN)\|\s*", "", (told or said or [""])[-1])
    status = process.exitcode or 0
    ended = f"signal {-status}" if status < 0 else "an error"
    return f"the renderer ended with {ended}" + (f": {reason}" if reason else "")


def _done(work: Callable[[], None], messages: int) -> None:
    """Do `work` with all messages, those of libraries too, in the file `messages`."""
    for stream in (1, 2):
        os.dup2(messages, stream)
    try:
        work()
    except Exception as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    # Skip the clean-up of VTK, which may crash after the picture is written.
    os._exit(0)
