"""
The parts of `scripts/pretrain_encoder.py`, which `scripts/distil_encoder.py` uses as well: texts, batches, the masked language
model's trainer, checkpoints and the folder of a run; and a start from counts.
"""
