"""Experiments of many trainings: the steps that they consist of, how these run, and the report on what came out."""
