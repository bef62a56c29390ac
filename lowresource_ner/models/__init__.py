from lowresource_ner.models.adversarial_tagger import AdversarialTagger
from lowresource_ner.models.heads import LanguageModelHead, MaskedLanguageModelHead, ModuleHead, TaggingHead
from lowresource_ner.models.kd_student import KdStudent
from lowresource_ner.models.label_embedding_tagger import LabelEmbeddingTagger
from lowresource_ner.models.language_similarity import LanguageSimilarity
from lowresource_ner.models.mbert_tagger import MbertTagger
from lowresource_ner.models.pgn_bilstm_crossdomain import PgnBilstmCrossdomain
from lowresource_ner.models.pgn_transformer import PgnTransformer
from lowresource_ner.models.tagger import Tagger

__all__ = [
    "AdversarialTagger",
    "KdStudent",
    "LabelEmbeddingTagger",
    "LanguageModelHead",
    "LanguageSimilarity",
    "MaskedLanguageModelHead",
    "MbertTagger",
    "ModuleHead",
    "PgnBilstmCrossdomain",
    "PgnTransformer",
    "Tagger",
    "TaggingHead",
]
