"""Cross-lingual systems from corpora to a table: what is asked for, the steps that make it, how they run, and the scores."""
