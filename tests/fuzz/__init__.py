"""Random inputs for readers and predictors, with what must hold of each: for tests of the suite, and for `run.py`."""
