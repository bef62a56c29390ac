from lowresource_ner.models.heads.language_model_head import LanguageModelHead
from lowresource_ner.models.heads.masked_language_model_head import MaskedLanguageModelHead
from lowresource_ner.models.heads.module_head import ModuleHead, SoftTargets
from lowresource_ner.models.heads.tagging_head import TaggingHead

__all__ = ["LanguageModelHead", "MaskedLanguageModelHead", "ModuleHead", "SoftTargets", "TaggingHead"]
