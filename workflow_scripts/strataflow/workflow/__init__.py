"""Configuration, sample sheet, dry runs, and checks of the cluster."""
