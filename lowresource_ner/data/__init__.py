from lowresource_ner.data.by_name import ByNameReader
from lowresource_ner.data.conll_ner import ConllNerReader
from lowresource_ner.data.from_first_instance import FirstInstanceVocabulary
from lowresource_ner.data.length_grouped import LengthGroupedSampler
from lowresource_ner.data.module_loader import ModuleLoader
from lowresource_ner.data.normalised_words import NormalisedWordIndexer
from lowresource_ner.data.one_batch_per_module import OneBatchPerModule
from lowresource_ner.data.raw_text import RawTextReader
from lowresource_ner.data.subwords import SubwordIndexer
from lowresource_ner.data.word_characters import WordCharacterIndexer
from lowresource_ner.data.word_tokenizer import WordTokenizer

__all__ = [
    "ByNameReader",
    "ConllNerReader",
    "FirstInstanceVocabulary",
    "LengthGroupedSampler",
    "ModuleLoader",
    "NormalisedWordIndexer",
    "OneBatchPerModule",
    "RawTextReader",
    "SubwordIndexer",
    "WordCharacterIndexer",
    "WordTokenizer",
]
