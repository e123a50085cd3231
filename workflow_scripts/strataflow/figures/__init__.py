"""Pictures, the viewer, and the overview page."""
