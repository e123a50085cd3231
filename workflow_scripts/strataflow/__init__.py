"""strataflow: 3D seismic surveys to faults, dip, strike, relative geologic time and a clean image.

Arrays are (n3, n2, n1) = (inline, crossline, sample), n1 fastest on disk. The modules, in the order
of the data: `geology`, `scenario`, `acquisition`, `wavelets`, `filters`, `artifacts`, `seismic`,
`synthetic` make labelled samples and surveys, which `description` holds against others;
`segy_layout`, `segy_grid`, `segy_import`, `segy_inspect` read SEG-Y and `volumes` holds it;
`samples`, `patches`, `degrade` cut it for training; `networks`, `losses`, `dataset`, `training`,
`checkpoints`, `weights` learn; `tiles`, `slabs`, `geologic_time`, `flattening`, `reflectors`,
`prediction` apply, and `seams` looks for traces of tiles; `segy_export`, `vgi`, `faults`,
`horizons`, `evaluation`, `passes`, `figures`, `overview`, `viewer` deliver. But for `cluster` and
`overview`, no module knows Snakemake; none knows the configuration file.
"""

__version__ = "0.1.0"
