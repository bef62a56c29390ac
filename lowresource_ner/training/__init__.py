from lowresource_ner.training.keep_last_epoch import KeepLastEpoch
from lowresource_ner.training.linear_warmup_share import LinearWarmupShare
from lowresource_ner.training.random_state import RandomState
from lowresource_ner.training.temperature_scaling import TemperatureScaling

__all__ = ["KeepLastEpoch", "LinearWarmupShare", "RandomState", "TemperatureScaling"]
