from lowresource_ner.modules.character_cnn import CharacterCnn
from lowresource_ner.modules.distillation_losses import (
    DistillationLoss,
    HardLabelLoss,
    KlLoss,
    MseLoss,
    SoftCrossEntropyLoss,
)
from lowresource_ner.modules.encoder_parameters import EncoderParameters, ParameterGenerator, SharedParameters
from lowresource_ner.modules.language_discriminator import LanguageDiscriminator
from lowresource_ner.modules.language_scores import LanguageScores
from lowresource_ner.modules.subword_transformer import SubwordTransformer
from lowresource_ner.modules.tag_heads import BiaffineHead, CrfHead, SoftmaxHead, TagHead
from lowresource_ner.modules.word_vectors import WordVectors

__all__ = [
    "BiaffineHead",
    "CharacterCnn",
    "CrfHead",
    "DistillationLoss",
    "HardLabelLoss",
    "KlLoss",
    "LanguageDiscriminator",
    "LanguageScores",
    "EncoderParameters",
    "MseLoss",
    "ParameterGenerator",
    "SharedParameters",
    "SoftCrossEntropyLoss",
    "SoftmaxHead",
    "SubwordTransformer",
    "TagHead",
    "WordVectors",
]
