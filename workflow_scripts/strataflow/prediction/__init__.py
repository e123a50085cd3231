"""Tiled prediction, slabs, and consistent RGT over a whole volume."""
