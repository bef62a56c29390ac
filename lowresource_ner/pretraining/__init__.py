"""
Encoders for the taggers: `pretrain` makes one or goes on with one that exists, `distilling` makes a small one of a large one.

Both load transformers' Trainer, which takes seconds, so that the commands import them only when they run.
"""
