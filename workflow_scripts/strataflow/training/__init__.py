"""Patches, crops, and the training of either network."""
