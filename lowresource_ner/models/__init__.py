from lowresource_ner.models.heads import LanguageModelHead, ModuleHead, TaggingHead
from lowresource_ner.models.mbert_tagger import MbertTagger
from lowresource_ner.models.pgn_bilstm_crossdomain import PgnBilstmCrossdomain

__all__ = ["LanguageModelHead", "MbertTagger", "ModuleHead", "PgnBilstmCrossdomain", "TaggingHead"]
