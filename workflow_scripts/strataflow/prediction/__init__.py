"""Tiled prediction, slabs, and relative geologic time over a whole volume."""
