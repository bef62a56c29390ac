from lowresource_ner.modules.subword_transformer import SubwordTransformer
from lowresource_ner.modules.tag_heads import CrfHead, SoftmaxHead, TagHead

__all__ = ["CrfHead", "SoftmaxHead", "SubwordTransformer", "TagHead"]
