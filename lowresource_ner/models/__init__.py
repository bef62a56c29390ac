from lowresource_ner.models.mbert_tagger import MbertTagger

__all__ = ["MbertTagger"]
