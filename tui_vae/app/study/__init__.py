"""A study: plan it, train its trials on Ray, and see how far they are."""
