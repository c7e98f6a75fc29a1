"""Evaluation of trained models: likelihoods, sample fidelity, posterior collapse, pictures, and comparison."""
