"""
Trains encoders: `pretrain` a new or an existing one, `distilling` a small one from a large one.

Both import transformers' Trainer, which takes seconds, so the commands import them only when they run.
"""
