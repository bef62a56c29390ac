from lowresource_ner.training.callbacks.adversarial_updates import AdversarialUpdates
from lowresource_ner.training.callbacks.keep_last_epoch import KeepLastEpoch
from lowresource_ner.training.callbacks.label_embeddings import LabelEmbeddings
from lowresource_ner.training.callbacks.language_means import LanguageMeans
from lowresource_ner.training.callbacks.module_updates import ModuleUpdates
from lowresource_ner.training.callbacks.random_state import RandomState
from lowresource_ner.training.callbacks.recovery import Recovery
from lowresource_ner.training.callbacks.switch_optimizer import SwitchOptimizer
from lowresource_ner.training.callbacks.temperature_scaling import TemperatureScaling
from lowresource_ner.training.checkpointing.atomic_checkpointer import AtomicCheckpointer
from lowresource_ner.training.learning_rate_schedulers.inverse_time_decay import InverseTimeDecay
from lowresource_ner.training.learning_rate_schedulers.linear_warmup_share import LinearWarmupShare
from lowresource_ner.training.optimizers.fused_adamw import FusedAdamW
from lowresource_ner.training.optimizers.lazy_sgd import LazySgd

__all__ = [
    "AdversarialUpdates",
    "AtomicCheckpointer",
    "FusedAdamW",
    "InverseTimeDecay",
    "KeepLastEpoch",
    "LabelEmbeddings",
    "LanguageMeans",
    "LazySgd",
    "LinearWarmupShare",
    "ModuleUpdates",
    "RandomState",
    "Recovery",
    "SwitchOptimizer",
    "TemperatureScaling",
]
