"""What trained models are measured against. Knows models and data, nothing of training."""
