"""What came out of an experiment: scores, significance, tables and figures."""
