"""What the workflow asks of the machines that it runs on."""
