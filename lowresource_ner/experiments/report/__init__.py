"""The report of an experiment: scores, significance, tables and figures."""
