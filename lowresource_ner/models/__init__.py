from lowresource_ner.models.adversarial_tagger import AdversarialTagger
from lowresource_ner.models.heads import LanguageModelHead, ModuleHead, TaggingHead
from lowresource_ner.models.kd_student import KdStudent
from lowresource_ner.models.language_similarity import LanguageSimilarity
from lowresource_ner.models.mbert_tagger import MbertTagger
from lowresource_ner.models.pgn_bilstm_crossdomain import PgnBilstmCrossdomain
from lowresource_ner.models.tagger import Tagger

__all__ = [
    "AdversarialTagger",
    "KdStudent",
    "LanguageModelHead",
    "LanguageSimilarity",
    "MbertTagger",
    "ModuleHead",
    "PgnBilstmCrossdomain",
    "Tagger",
    "TaggingHead",
]
