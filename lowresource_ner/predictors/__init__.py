from lowresource_ner.predictors.any_tagger import AnyTaggerPredictor
from lowresource_ner.predictors.language_similarity import LanguageSimilarityPredictor
from lowresource_ner.predictors.ner import NerPredictor
from lowresource_ner.predictors.ner_conll import NerConllPredictor

__all__ = ["AnyTaggerPredictor", "LanguageSimilarityPredictor", "NerConllPredictor", "NerPredictor"]
