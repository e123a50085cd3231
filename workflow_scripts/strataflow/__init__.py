"""strataflow: 3D seismic surveys to faults, dip, strike, relative geologic time and a clean image.

Arrays are (n3, n2, n1) = (inline, crossline, sample), n1 fastest on disk. Packages, each of which
imports only from those after it:

- `cli`: flags that several commands share
- `training`: patches, crops, training of either network
- `prediction`: tiled prediction, slabs, RGT of a whole volume
- `synthetic`: earths, seismic images, labelled samples and surveys
- `interpretation`: faults, horizons, scores against labels
- `figures`: pictures, viewer, overview page
- `segy`: reading, inspecting, writing SEG-Y
- `network`: networks, losses, weights
- `samples`: training samples as files
- `volume`: raw volumes, sidecars, amplitudes, attributes, angles
- `workflow`: what a cluster offers to the jobs of the workflow

Modules beside them: `errors`, `files`, `hardware`, `code`. Only `workflow` and `figures.overview`
know Snakemake, and none of them reads the configuration file.
"""

__version__ = "0.1.0"
