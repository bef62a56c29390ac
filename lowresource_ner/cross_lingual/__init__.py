"""Trains and compares cross-lingual systems: the request, its plan of steps, their execution, and the table of scores."""
