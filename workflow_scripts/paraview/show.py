"""Show a predicted volume in ParaView: amplitudes on slices, faults, and RGT contours.

    pvpython workflow_scripts/paraview/show.py results/predictions/demo --state demo.pvsm

To open the state, load the plug-in vgi_reader.py, then choose File > Load State. To run this file
in ParaView, open View > Python Shell, type `folder = "results/predictions/demo"`, and click Run
Script.
"""

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# ParaView 5.11 of Debian uses a function that Python 3.11 no longer has.
if not hasattr(inspect, "getargspec"):
    inspect.getargspec = inspect.getfullargspec

from paraview import simple

# Default fault probability of the displayed surface.
PROBABILITY = 0.5
HORIZONS = 14

# Limit of the grey scale of the image, which has an RMS of 1.
GREY_CLIP = 2.5


def show(folder: Path, probability: float = PROBABILITY) -> Any:
    """Build the pipeline for the attributes in a folder.

    Args:
        folder: Folder with .vgi headers.
        probability: Fault probability of the displayed surface.

    Returns:
        The ParaView view.

    Raises:
        RuntimeError: The folder has no headers, or a raw volume is missing.
    """
    headers = {path.name.split(".")[-2]: path for path in sorted(folder.glob("*.vgi"))}
    if not headers:
        raise RuntimeError(f"{folder}: no .vgi headers found")
    plugin = Path(inspect.getfile(show)).with_name("vgi_reader.py")
    sys.path.insert(0, str(plugin.parent))
    from vgi_reader import read_header

    for path in headers.values():
        read_header(path)
    simple.LoadPlugin(str(plugin), remote=False, ns=globals())
    view = simple.GetActiveViewOrCreate("RenderView")
    view.Background = [1, 1, 1]
    view.UseColorPaletteForBackground = 0
    readers = {}
    for name, path in headers.items():
        readers[name] = simple.OpenDataFile(str(path))
        simple.RenameSource(path.stem, readers[name])
        simple.UpdatePipeline(proxy=readers[name])
    image = readers.get("dhr") or next(iter(readers.values()))
    for section in sections(image):
        display = simple.Show(section, view)
        if "dhr" in readers:
            grey(display)
    if "rgt" in readers:
        for section in sections(readers["rgt"]):
            lines = simple.Contour(Input=in_place(section, "rgt", 0), ContourBy=["POINTS", "rgt"])
            lines.Isosurfaces = [(i + 1) / (HORIZONS + 1) for i in range(HORIZONS)]
            display = simple.Show(lines, view)
            simple.ColorBy(display, ("POINTS", "rgt"))
            colours = simple.GetColorTransferFunction("rgt")
            colours.ApplyPreset("Turbo", True)
            colours.RescaleTransferFunction(0, 1)
            display.LineWidth = 2
    # Without a fault there is nothing to contour.
    if "fsem" in readers and largest(readers["fsem"], "fsem") >= probability:
        near = in_place(readers["fsem"], "fsem", probability / 2)
        faults = simple.Contour(Input=near, ContourBy=["POINTS", "fsem"])
        faults.Isosurfaces = [probability]
        simple.RenameSource("faults", faults)
        display = simple.Show(faults, view)
        simple.ColorBy(display, None)
        display.AmbientColor = display.DiffuseColor = [0.85, 0.1, 0.1]
        display.Opacity = 0.4
    outline = simple.Show(simple.Outline(Input=image), view)
    outline.AmbientColor = outline.DiffuseColor = [0, 0, 0]
    # View from above, from the south-west.
    view.CameraPosition, view.CameraFocalPoint, view.CameraViewUp = (
        (-2, -3, 2),
        (0, 0, 0),
        (0, 0, 1),
    )
    view.ResetCamera()
    return view


def largest(source: Any, name: str) -> float:
    """The largest value of the point array `name`."""
    return float(source.GetPointDataInformation().GetArray(name).GetRange()[1])


def sections(reader: Any) -> Iterator[Any]:
    """The middle inline, crossline and time or depth slice of a volume."""
    extent = reader.GetDataInformation().GetExtent()
    for axis in range(3):
        middle = (extent[2 * axis] + extent[2 * axis + 1]) // 2
        section = simple.ExtractSubset(Input=reader)
        section.VOI = [middle if end // 2 == axis else value for end, value in enumerate(extent)]
        yield section


def in_place(source: Any, name: str, minimum: float) -> Any:
    """Cells of `source` with values of at least `minimum`, as an unstructured grid.

    The Contour filter ignores the direction matrix of image data (ParaView 5.11).
    """
    cells = simple.Threshold(Input=source, Scalars=["POINTS", name])
    cells.ThresholdMethod = "Above Upper Threshold"
    cells.UpperThreshold = minimum
    cells.AllScalars = 0
    return cells


def grey(display: Any) -> None:
    """Colour a section of the image in grey."""
    simple.ColorBy(display, ("POINTS", "dhr"))
    display.SetRepresentationType("Surface")
    colours = simple.GetColorTransferFunction("dhr")
    colours.ApplyPreset("Grayscale", True)
    colours.RescaleTransferFunction(-GREY_CLIP, GREY_CLIP)


def main() -> None:
    """Parse the flags, show the folder, and write the state and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="results/predictions/VOLUME")
    parser.add_argument("--state", type=Path, help="state file to write, X.pvsm")
    parser.add_argument("--picture", type=Path, help="picture to write, X.png")
    parser.add_argument(
        "--probability", type=float, default=PROBABILITY, help="fault probability of the surface"
    )
    a = parser.parse_args()
    if not 0 < a.probability <= 1:
        parser.error(f"--probability: expected above 0 and at most 1, got {a.probability:g}")
    try:
        view = show(a.folder, a.probability)
    except (OSError, RuntimeError) as error:
        sys.exit(f"show.py: error: {error}")
    simple.Render(view)
    if a.state:
        simple.SaveState(str(a.state))
    if a.picture:
        simple.SaveScreenshot(str(a.picture), view, ImageResolution=[1400, 1000])


if __name__ == "__main__":
    if "folder" in globals():
        show(Path(globals()["folder"]))
        simple.Render()
    else:
        main()
