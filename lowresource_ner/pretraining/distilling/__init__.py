"""Distils a small encoder from a large one: a smaller vocabulary, fewer layers, and the training of that student."""
