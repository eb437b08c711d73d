"""How to draw from a trained function."""
