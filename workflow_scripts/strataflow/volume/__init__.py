"""Raw volumes, their sidecars and amplitudes, attributes and angles, and MetaImage headers."""
