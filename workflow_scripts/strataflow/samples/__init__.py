"""Training samples on disk."""
