"""Experiments that consist of several trainings: their steps, how these are run, and the report of the results."""
