"""The general case: systems × corpora × seeds, as a file says."""
