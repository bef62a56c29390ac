"""Random inputs for readers and predictors, with what must hold of each: used by tests of the suite, and by `run.py` for long runs."""
