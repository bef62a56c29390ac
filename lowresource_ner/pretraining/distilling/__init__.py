"""The parts of `scripts/distil_encoder.py`: a vocabulary of fewer pieces, a model of fewer layers, and the student's trainer."""
