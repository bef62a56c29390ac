from lowresource_ner.training.adversarial_updates import AdversarialUpdates
from lowresource_ner.training.atomic_checkpointer import AtomicCheckpointer
from lowresource_ner.training.fused_adamw import FusedAdamW
from lowresource_ner.training.inverse_time_decay import InverseTimeDecay
from lowresource_ner.training.keep_last_epoch import KeepLastEpoch
from lowresource_ner.training.language_means import LanguageMeans
from lowresource_ner.training.lazy_sgd import LazySgd
from lowresource_ner.training.linear_warmup_share import LinearWarmupShare
from lowresource_ner.training.module_updates import ModuleUpdates
from lowresource_ner.training.random_state import RandomState
from lowresource_ner.training.recovery import Recovery
from lowresource_ner.training.switch_optimizer import SwitchOptimizer
from lowresource_ner.training.temperature_scaling import TemperatureScaling

__all__ = [
    "AdversarialUpdates",
    "AtomicCheckpointer",
    "FusedAdamW",
    "InverseTimeDecay",
    "KeepLastEpoch",
    "LanguageMeans",
    "LazySgd",
    "LinearWarmupShare",
    "ModuleUpdates",
    "RandomState",
    "Recovery",
    "SwitchOptimizer",
    "TemperatureScaling",
]
