from lowresource_ner.data.batching.length_grouped import LengthGroupedSampler
from lowresource_ner.data.batching.module_loader import ModuleLoader
from lowresource_ner.data.batching.one_batch_per_module import OneBatchPerModule
from lowresource_ner.data.dataset_readers.by_name import ByNameReader
from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.data.from_first_instance import FirstInstanceVocabulary
from lowresource_ner.data.token_indexers.normalised_words import NormalisedWordIndexer
from lowresource_ner.data.token_indexers.subwords import SubwordIndexer
from lowresource_ner.data.token_indexers.word_characters import WordCharacterIndexer
from lowresource_ner.data.tokenizers.word_tokenizer import WordTokenizer

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
