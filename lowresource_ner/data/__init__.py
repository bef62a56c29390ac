from lowresource_ner.data.conll_ner import ConllNerReader
from lowresource_ner.data.length_grouped import LengthGroupedSampler
from lowresource_ner.data.raw_text import RawTextReader
from lowresource_ner.data.subwords import SubwordIndexer
from lowresource_ner.data.word_tokenizer import WordTokenizer

__all__ = ["ConllNerReader", "LengthGroupedSampler", "RawTextReader", "SubwordIndexer", "WordTokenizer"]
