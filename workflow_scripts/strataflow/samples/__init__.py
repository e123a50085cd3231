"""Training samples as files."""
