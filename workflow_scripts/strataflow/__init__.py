"""strataflow: 3D seismic surveys to faults, dip, strike, relative geologic time and a clean image.

Arrays are (n3, n2, n1) = (inline, crossline, sample), n1 fastest on disk. The modules, in the
order of the data: `geology`, `seismic`, `synthetic` make labelled surveys; `volumes`, `segy` hold
and convert them; `samples`, `patches`, `degrade` cut them for training; `networks`, `losses`,
`training`, `weights` learn; `tiles`, `geologic_time`, `prediction` apply; `segy`, `vgi`,
`evaluation`, `figures` deliver. No module knows Snakemake or the configuration file.
"""

__version__ = "0.1.0"
