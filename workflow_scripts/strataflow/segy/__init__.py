"""SEG-Y: reading, inspecting and writing."""
