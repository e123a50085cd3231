"""The networks, their losses and their weights."""
