"""ParaView plug-in that opens .vgi headers with their raw volumes.

Choose Tools > Manage Plugins > Load New, select this file and tick Auto Load. Then open X.vgi with
File > Open. The volume has the coordinates of the survey: x and y are CDP coordinates, and z is
time or depth, negative downward. The plug-in needs ParaView only, so it imports no strataflow code.
"""

import configparser
import json
from pathlib import Path
from typing import Any

import numpy as np
from paraview.util.vtkAlgorithm import smdomain, smhint, smproperty, smproxy
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.util.vtkAlgorithm import VTKPythonAlgorithmBase
from vtkmodules.vtkCommonCore import vtkOutputWindow
from vtkmodules.vtkCommonDataModel import vtkImageData

# Types of samples in .vgi headers, and NumPy's names of them.
SAMPLE_TYPES = {"float": "<f4", "signed integer": "<i4"}


def read_header(path: Path) -> tuple[Path, tuple[int, ...], tuple[float, ...], str]:
    """Read a .vgi header.

    Returns:
        Raw file, size (n1, n2, n3), spacing along these axes, and NumPy type.

    Raises:
        RuntimeError: The header does not describe a raw volume of 4-byte samples, or its size is
            wrong.
    """
    header = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        # Remove lines such as {volume1}, which configparser does not support.
        lines = [line for line in path.read_text().splitlines() if not line.startswith("{")]
        header.read_string("\n".join(lines))
        size = tuple(int(n) for n in header["representation"]["size"].split())
        spacing = tuple(float(x) for x in header["geometry"]["resolution"].split())
        raw = path.parent / header["file1"]["name"]
        kind = header["representation"]["datatype"], header["file1"]["skipheader"]
    except (configparser.Error, KeyError, ValueError) as error:
        raise RuntimeError(f"{path}: not a .vgi header: {error}") from error
    known = kind[0] in SAMPLE_TYPES and kind[1] == "0"
    if len(size) != 3 or len(spacing) != 3 or min(size) < 1 or not known:
        raise RuntimeError(f"{path}: not a .vgi header of a raw volume of float32 or int32")
    n_bytes = 4 * size[0] * size[1] * size[2]
    if not raw.is_file() or raw.stat().st_size != n_bytes:
        found = f"got {raw.stat().st_size}" if raw.is_file() else "but there is no such file"
        raise RuntimeError(f"{path}: {raw}: expected {n_bytes} bytes, {found}")
    return raw, size, spacing, SAMPLE_TYPES[kind[0]]


def placement(
    raw: Path, size: tuple[int, ...], spacing: tuple[float, ...]
) -> tuple[Any, list[float], Any]:
    """Position of a raw volume, from its sidecar or, without one, along y and x from 0.

    Args:
        raw: Raw file.
        size: Size (n1, n2, n3).
        spacing: Spacing along these axes.

    Returns:
        Origin (x, y, z), spacing, and matrix with the unit vectors of n1, n2, n3 as columns.
    """
    sidecar = raw.with_suffix(".json") if raw.suffix == ".bin" else Path(f"{raw}.json")
    first, corners = 0.0, [[0, 0], [0, (size[1] - 1) * spacing[1]], [(size[2] - 1) * spacing[2], 0]]
    if sidecar.is_file():
        content = json.loads(sidecar.read_text())
        corners = content["corners"]
        first = content["axes"]["n1"]["first"]
    origin = np.array([*corners[0], -first])
    steps = [np.array([0.0, 0.0, -spacing[0]])]
    for corner, n, across in zip(corners[1:3], size[1:], ((0, 1), (1, 0)), strict=True):
        step = np.array([*np.subtract(corner, corners[0]), 0.0]) / max(n - 1, 1)
        # A single line has no direction, so use the default.
        steps.append(step if step.any() else np.array([*across, 0.0]))
    lengths = [float(np.linalg.norm(step)) for step in steps]
    axes = np.stack([step / length for step, length in zip(steps, lengths, strict=True)], axis=1)
    return origin, lengths, axes


@smproxy.reader(
    label="Seismic volume (.vgi)", extensions="vgi", file_description="Seismic volumes (.vgi)"
)
class VgiReader(VTKPythonAlgorithmBase):
    """Reads image data of a .vgi header as a memory map, without a copy."""

    def __init__(self) -> None:
        super().__init__(nInputPorts=0, nOutputPorts=1, outputType="vtkImageData")
        self._path = Path()
        self._values: Any = None

    @smproperty.stringvector(name="FileName")
    @smdomain.filelist()
    @smhint.filechooser(extensions="vgi", file_description="Seismic volumes (.vgi)")
    def SetFileName(self, name: str | None) -> None:  # noqa: N802 - the name that ParaView calls
        """Choose the header to read."""
        if name and Path(name) != self._path:
            self._path = Path(name)
            self.Modified()

    def RequestInformation(self, request: Any, inputs: Any, outputs: Any) -> int:  # noqa: ARG002, N802
        """Report the extent of the image before it is read."""
        try:
            _, size, _, _ = read_header(self._path)
        except (OSError, RuntimeError) as error:
            vtkOutputWindow.GetInstance().DisplayErrorText(f"{error}\n")
            return 0
        information = outputs.GetInformationObject(0)
        extent = [end for n in size for end in (0, n - 1)]
        information.Set(self.GetExecutive().WHOLE_EXTENT(), extent, 6)
        return 1

    def RequestData(self, request: Any, inputs: Any, outputs: Any) -> int:  # noqa: ARG002, N802
        """Map the raw file and set the position of the image."""
        raw, size, spacing, kind = read_header(self._path)
        origin, lengths, axes = placement(raw, size, spacing)
        self._values = np.memmap(raw, kind, "c")
        array = numpy_to_vtk(self._values)
        array.SetName(raw.suffix[1:] if raw.suffix != ".bin" else "amplitude")
        image = vtkImageData.GetData(outputs, 0)
        image.SetDimensions(size)
        image.SetOrigin(origin)
        image.SetSpacing(lengths)
        image.SetDirectionMatrix(axes.ravel())
        image.GetPointData().SetScalars(array)
        return 1
