"""Synthetic earths, the seismic images of them, and samples and surveys made of both."""
