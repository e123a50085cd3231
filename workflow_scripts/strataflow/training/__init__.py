"""Training patches, random crops, and the training loop of both networks."""
