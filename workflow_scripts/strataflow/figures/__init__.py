"""Figures, the viewer, and the overview page."""
