"""A small encoder of a large one: a vocabulary of fewer pieces, a model of fewer layers, and the training of that student."""
