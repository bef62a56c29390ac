"""The parts of `scripts/pretrain_encoder.py`: texts, batches, a start from counts, and the masked language model's trainer."""
