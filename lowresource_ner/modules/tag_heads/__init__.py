from lowresource_ner.modules.tag_heads.biaffine_head import BiaffineHead
from lowresource_ner.modules.tag_heads.crf_head import CrfHead
from lowresource_ner.modules.tag_heads.softmax_head import SoftmaxHead
from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.modules.tag_heads.tag_head import TagHead

__all__ = ["BiaffineHead", "CrfHead", "SoftmaxHead", "TagDistribution", "TagHead"]
