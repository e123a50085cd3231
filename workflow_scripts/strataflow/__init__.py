"""strataflow: 3D seismic surveys to faults, dip, strike, relative geologic time and a clean image.

Arrays are (n3, n2, n1) = (inline, crossline, sample), n1 fastest on disk. The modules, in the
order of the data: `geology`, `seismic`, `scenario`, `synthetic` make labelled samples and surveys,
which `description` holds against others; `segy_layout`, `segy_grid`, `segy_import` read SEG-Y and
`volumes` holds it; `samples`, `patches`, `degrade` cut it for training; `networks`, `losses`,
`training`, `weights` learn; `tiles`, `geologic_time`, `prediction` apply; `segy_export`, `vgi`,
`evaluation`, `figures` deliver. No module knows Snakemake or the configuration file.
"""

__version__ = "0.1.0"
