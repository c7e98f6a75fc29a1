"""How likely images are under a model: bounds, estimates and, for linear decoders, the exact answer.

All are natural logarithms of densities, nats per image with all constants, of images in [0, 1]^784; what that means for
bytes is defined in ``conditional_likelihood``.
"""
