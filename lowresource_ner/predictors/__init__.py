from lowresource_ner.predictors.ner import NerPredictor
from lowresource_ner.predictors.ner_conll import NerConllPredictor

__all__ = ["NerConllPredictor", "NerPredictor"]
