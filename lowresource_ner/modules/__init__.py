from lowresource_ner.modules.character_cnn import CharacterCnn
from lowresource_ner.modules.lstm_parameters import LstmParameters, ParameterGenerator, SharedParameters
from lowresource_ner.modules.subword_transformer import SubwordTransformer
from lowresource_ner.modules.tag_heads import CrfHead, SoftmaxHead, TagHead
from lowresource_ner.modules.word_vectors import WordVectors

__all__ = [
    "CharacterCnn",
    "CrfHead",
    "LstmParameters",
    "ParameterGenerator",
    "SharedParameters",
    "SoftmaxHead",
    "SubwordTransformer",
    "TagHead",
    "WordVectors",
]
