"""Synthetic earth models, their seismic images, and labelled samples and surveys."""
