"""What the machine does, asked of the system, of the container and of the GPU driver; knows nothing of runs."""
