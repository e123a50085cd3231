"""strataflow: 3D seismic surveys to faults, dip, strike, relative geologic time and a clean image.

Arrays are (n3, n2, n1) = (inline, crossline, sample), n1 fastest on disk. Packages, each of which
imports only from those after it:

- `cli`: flags that several commands share
- `workflow`: configuration, sample sheet, folders of interpretations, what a cluster offers
- `training`: patches, crops, training of either network
- `prediction`: tiled prediction, slabs, RGT of a whole volume
- `synthetic`: earths, seismic images, labelled samples and surveys
- `interpretation`: faults, horizons, scores against labels
- `figures`: pictures, viewer, overview page
- `formats`: surveys in other formats than SEG-Y
- `segy`: reading, inspecting, writing SEG-Y
- `network`: networks, losses, weights
- `samples`: training samples as files
- `volume`: raw volumes, sidecars, amplitudes, attributes, angles

Modules beside them: `errors`, `files`, `hardware`, `processes`, `code`, `home`. Only `workflow`,
`cli.run` and `figures.overview` know the files of the workflow; some errors elsewhere name a
setting of the configuration.

From Python: `strataflow.predict(volume)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import StrataflowError
    from .prediction.api import predict

__version__ = "0.2.0"
__all__ = ["StrataflowError", "__version__", "predict"]


def __getattr__(name: str) -> Any:
    """Import what Python users call when they first ask for it: PyTorch takes seconds to load."""
    if name == "predict":
        from .prediction.api import predict

        return predict
    if name == "StrataflowError":
        from .errors import StrataflowError

        return StrataflowError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
