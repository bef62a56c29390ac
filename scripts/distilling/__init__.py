"""The parts of scripts/distil_encoder.py."""
