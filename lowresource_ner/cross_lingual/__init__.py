"""The parts of `scripts/cross_lingual.py`: what is asked for, the steps that make it, how they are run, and the table."""
