"""Show a predicted volume in ParaView: amplitudes on two sections, fault surfaces, and RGT.

    pvpython workflow_scripts/paraview/show.py results/predictions/demo --state demo.pvsm
    pvpython workflow_scripts/paraview/show.py results/predictions/demo --picture demo.png

To open the state, load the plug-in vgi_reader.py, then choose File > Load State. To run this file
in ParaView, open View > Python Shell, type `folder = "results/predictions/demo"`, and click Run
Script.
"""

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import Any

# ParaView 5.11 of Debian uses a function that Python 3.11 no longer has.
if not hasattr(inspect, "getargspec"):
    inspect.getargspec = inspect.getfullargspec

from paraview import simple

# Number of contours of RGT.
HORIZONS = 14

# Limit of the grey scale of the image, which has an RMS of 1.
GREY_CLIP = 2.5

# Colours of faults, in turn, as in the pictures of the workflow (strataflow/figures/style.py).
COLOURS = ("E69F00", "56B4E9", "CC79A7", "009E73", "F0E442", "D55E00", "0072B2")

HORIZON_COLOUR = [0.81, 0.77, 0.6]

# Number of faults beyond which there is no legend.
IN_LEGEND = 16

# A path along all edges of a box, see `box`.
PATH = (0, 1, 3, 2, 0, 4, 5, 1, 5, 7, 3, 7, 6, 2, 6, 4)

# Size of the view and of the picture in pixels.
SIZE = [1400, 1000]

# Width of the survey divided by its height, if nothing describes the scene.
WIDE = 2.0


def show(folder: Path, colour: str = "fault") -> Any:
    """Build the pipeline for the results in a folder. What is missing is left out.

    Args:
        folder: Folder with .vgi headers and, beside them, the fault surfaces X.faults.vtp.
        colour: What fault surfaces are coloured by: fault or throw.

    Returns:
        The ParaView view.

    Raises:
        RuntimeError: The folder has no headers, or a raw volume is missing.
    """
    readers, header = open_volumes(folder)
    image = readers.get("dhr") or next(iter(readers.values()))
    corners = box(header)
    described = description(folder)
    scale = described.get("vertical_scale") or height_for(corners)
    view = simple.GetActiveViewOrCreate("RenderView")
    view.ViewSize = SIZE
    view.Background = [1, 1, 1]
    view.UseColorPaletteForBackground = 0
    # The axes around the survey tell more.
    view.OrientationAxesVisibility = 0
    shown = []
    for axis, index in sections(image, described):
        display = simple.Show(section(image, axis, index), view)
        shown.append(display)
        if "dhr" in readers:
            grey(display)
        if "rgt" in readers:
            shown.append(contours(section(readers["rgt"], axis, index), view))
    surfaces = sorted(folder.glob("*.faults.vtp"))
    if surfaces:
        shown += faults(surfaces[0], colour, view)
    shown += horizon(folder, described, view)
    shown.append(outline(corners, view))
    for display in shown:
        display.Scale = [1, 1, scale]
    label_axes(view, folder, corners, scale)
    text = simple.Show(
        simple.Text(Text=described.get("scale", f"Vertical scale {scale:.3g}")), view
    )
    text.Color = [0.2, 0.2, 0.2]
    text.FontSize = 14
    text.WindowLocation = "Lower Left Corner"
    # From above, from where the faults are seen best, or else from the south-west.
    view.CameraFocalPoint, view.CameraViewUp = (0, 0, 0), (0, 0, 1)
    view.CameraPosition = described.get("camera") or (-2, -3, 2)
    view.ResetCamera()
    view.GetActiveCamera().Zoom(1.25)
    return view


def open_volumes(folder: Path) -> tuple[dict[str, Any], Path]:
    """Readers of the volumes that are shown, by attribute, and a header."""
    headers = {path.name.split(".")[-2]: path for path in sorted(folder.glob("*.vgi"))}
    if not headers:
        raise RuntimeError(f"{folder}: no .vgi headers found")
    plugin = Path(inspect.getfile(show)).with_name("vgi_reader.py")
    sys.path.insert(0, str(plugin.parent))
    from vgi_reader import read_header

    for path in headers.values():
        read_header(path)
    simple.LoadPlugin(str(plugin), remote=False, ns=globals())
    readers = {}
    # Other volumes are opened by hand: each of them takes time.
    wanted = [name for name in ("dhr", "rgt") if name in headers] or list(headers)[:1]
    for name in wanted:
        readers[name] = simple.OpenDataFile(str(headers[name]))
        simple.RenameSource(headers[name].stem, readers[name])
        simple.UpdatePipeline(proxy=readers[name])
    return readers, headers[wanted[0]]


def box(header: Path) -> list[list[float]]:
    """The eight corners of a volume; the first index of a corner changes along inlines."""
    from vgi_reader import placement, read_header

    raw, size, spacing, _ = read_header(header)
    origin, lengths, axes = placement(raw, size, spacing)
    sides = [axes[:, i] * lengths[i] * (size[i] - 1) for i in range(3)]
    return [
        [float(value) for value in origin + a * sides[2] + b * sides[1] + c * sides[0]]
        for a in (0, 1)
        for b in (0, 1)
        for c in (0, 1)
    ]


def outline(corners: list[list[float]], view: Any) -> Any:
    """Show the edges of a box. The Outline filter ignores that a survey is turned."""
    lines = simple.PolyLineSource()
    lines.Points = [value for corner in PATH for value in corners[corner]]
    display = simple.Show(lines, view)
    display.AmbientColor = display.DiffuseColor = [0, 0, 0]
    return display


def description(folder: Path) -> dict[str, Any]:
    """What the workflow wrote about its 3D scene; empty if it did not."""
    for path in sorted(folder.glob("*.scene.json")):
        try:
            return dict(json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise RuntimeError(f"{path}: not a description of a scene ({error})") from error
    return {}


def height_for(corners: list[list[float]]) -> float:
    """Vertical scale at which the volume is WIDE times as wide as high."""
    lengths = [max(column) - min(column) for column in zip(*corners, strict=True)]
    return max(lengths[:2]) / lengths[2] / WIDE if min(max(lengths[:2]), lengths[2]) > 0 else 1.0


def sections(reader: Any, described: dict[str, Any]) -> list[tuple[int, int]]:
    """Axis of (n1, n2, n3) and index of an inline and a crossline, by default the middle ones."""
    extent = reader.GetDataInformation().GetExtent()
    inline, crossline = described.get("indices") or (extent[5] // 2, extent[3] // 2)
    return [(2, min(inline, extent[5])), (1, min(crossline, extent[3]))]


def section(reader: Any, axis: int, index: int) -> Any:
    """A section of a volume."""
    extent = reader.GetDataInformation().GetExtent()
    plane = simple.ExtractSubset(Input=reader)
    plane.VOI = [index if end // 2 == axis else value for end, value in enumerate(extent)]
    return plane


def contours(plane: Any, view: Any) -> Any:
    """Show contours of RGT on a section."""
    # The Contour filter ignores the direction matrix of image data (ParaView 5.11), but not the
    # places of an unstructured grid.
    cells = simple.Threshold(Input=plane, Scalars=["POINTS", "rgt"])
    cells.ThresholdMethod = "Above Upper Threshold"
    cells.UpperThreshold = 0
    cells.AllScalars = 0
    lines = simple.Contour(Input=cells, ContourBy=["POINTS", "rgt"])
    lines.Isosurfaces = [(i + 1) / (HORIZONS + 1) for i in range(HORIZONS)]
    display = simple.Show(lines, view)
    simple.ColorBy(display, ("POINTS", "rgt"))
    colours = simple.GetColorTransferFunction("rgt")
    colours.ApplyPreset("Viridis (matplotlib)", True)
    colours.RescaleTransferFunction(0, 1)
    display.LineWidth = 1.5
    return display


def faults(path: Path, colour: str, view: Any) -> list[Any]:
    """Show the surfaces of picked faults, if there are any, coloured by fault or by throw."""
    surfaces = simple.XMLPolyDataReader(FileName=[str(path)])
    simple.RenameSource("faults", surfaces)
    simple.UpdatePipeline(proxy=surfaces)
    information = surfaces.GetPointDataInformation().GetArray(colour)
    if not surfaces.GetDataInformation().GetNumberOfCells() or information is None:
        return []
    display = simple.Show(surfaces, view)
    display.Ambient, display.Diffuse = 0.4, 0.65
    simple.ColorBy(display, ("POINTS", colour))
    colours = simple.GetColorTransferFunction(colour)
    bar = simple.GetScalarBar(colours, view)
    bar.Title, bar.ComponentTitle = colour, ""
    bar.TitleColor = bar.LabelColor = [0, 0, 0]
    bar.TitleFontSize, bar.LabelFontSize = 16, 14
    bar.WindowLocation, bar.ScalarBarLength = "Upper Right Corner", 0.35
    bar.Visibility = 1
    if colour == "fault":
        count = int(information.GetRange()[1])
        colours.InterpretValuesAsCategories = 1
        names = [(str(number), f"fault {number}") for number in range(1, count + 1)]
        colours.Annotations = [text for pair in names for text in pair]
        colours.IndexedColors = [
            int(COLOURS[number % len(COLOURS)][at : at + 2], 16) / 255
            for number in range(count)
            for at in (0, 2, 4)
        ]
        bar.Visibility = int(count <= IN_LEGEND)
    else:
        colours.ApplyPreset("Viridis (matplotlib)", True)
        display.RescaleTransferFunctionToDataRange(False)
    return [display]


def horizon(folder: Path, described: dict[str, Any], view: Any) -> list[Any]:
    """Show the horizon of the scene of the workflow, if there are meshes of horizons."""
    paths, name = sorted(folder.glob("*.horizons.vtp")), described.get("horizon")
    if not paths or not name:
        return []
    number = int(name.removeprefix("horizon_"))
    meshes = simple.XMLPolyDataReader(FileName=[str(paths[0])])
    one = simple.Threshold(Input=meshes, Scalars=["CELLS", "horizon"])
    one.LowerThreshold = one.UpperThreshold = number
    simple.RenameSource(name, one)
    display = simple.Show(one, view)
    display.ColorArrayName = [None, ""]
    display.AmbientColor = display.DiffuseColor = HORIZON_COLOUR
    display.Ambient, display.Diffuse, display.Opacity = 0.4, 0.65, 0.75
    return [display]


def grey(display: Any) -> None:
    """Colour a section of the image in grey, as bright from all sides."""
    simple.ColorBy(display, ("POINTS", "dhr"))
    display.SetRepresentationType("Surface")
    display.Ambient, display.Diffuse = 1.0, 0.0
    colours = simple.GetColorTransferFunction("dhr")
    colours.ApplyPreset("Grayscale", True)
    colours.RescaleTransferFunction(-GREY_CLIP, GREY_CLIP)


def label_axes(view: Any, folder: Path, corners: list[list[float]], scale: float) -> None:
    """Show axes with names and units."""
    lateral, vertical, domain = "m", "", "time or depth"
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text())
        if "axes" in content:
            lateral, vertical = content["axes"]["n3"]["unit"], content["axes"]["n1"]["unit"]
            domain = content["domain"]
            break
    grid = view.AxesGrid
    grid.Visibility = 1
    grid.DataScale = [1, 1, scale]
    grid.UseCustomBounds = 1
    grid.CustomBounds = [
        end
        for column, factor in zip(zip(*corners, strict=True), (1, 1, scale), strict=True)
        for end in (factor * min(column), factor * max(column))
    ]
    grid.XTitle, grid.YTitle = f"x ({lateral})", f"y ({lateral})"
    grid.XAxisNotation = grid.YAxisNotation = grid.ZAxisNotation = "Fixed"
    grid.XAxisPrecision = grid.YAxisPrecision = grid.ZAxisPrecision = 0
    grid.ZTitle = f"{domain} ({vertical}), negative downward"
    for name in ("XTitleColor", "YTitleColor", "ZTitleColor", "GridColor"):
        setattr(grid, name, [0, 0, 0])
    for name in ("XLabelColor", "YLabelColor", "ZLabelColor"):
        setattr(grid, name, [0.2, 0.2, 0.2])


def main() -> None:
    """Parse the flags, show the folder, and write the state and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="results/predictions/VOLUME")
    parser.add_argument("--state", type=Path, help="state file to write, X.pvsm")
    parser.add_argument("--picture", type=Path, help="picture to write, X.png")
    parser.add_argument(
        "--colour",
        choices=("fault", "throw"),
        default="fault",
        help="what fault surfaces are coloured by",
    )
    a = parser.parse_args()
    try:
        view = show(a.folder, a.colour)
    except (OSError, RuntimeError) as error:
        sys.exit(f"show.py: error: {error}")
    simple.Render(view)
    if a.state:
        simple.SaveState(str(a.state))
    if a.picture:
        simple.SaveScreenshot(str(a.picture), view, ImageResolution=SIZE)


if __name__ == "__main__":
    if "folder" in globals():
        show(Path(globals()["folder"]))
        simple.Render()
    else:
        main()
