"""How good samples are, by a digit classifier's features and labels and by their nearest training images.

Works on features ``(n, d)``, probabilities ``(n, 10)`` and bytes ``(n, 784)`` of any origin; knows no models.
"""
