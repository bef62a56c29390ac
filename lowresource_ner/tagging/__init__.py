"""Tags and tag schemes. Nothing here needs torch."""

from lowresource_ner.tagging.file_schemes import get_file_scheme
from lowresource_ner.tagging.invalid_tag_sequence import InvalidTagSequence
from lowresource_ner.tagging.label_schemes import letters_by_type, scheme_of_labels
from lowresource_ner.tagging.scheme_detector import SchemeDetector
from lowresource_ner.tagging.tag_scheme import SCHEMES, TagScheme, get_scheme
from lowresource_ner.tagging.tags import (
    OUTSIDE,
    EntitySpan,
    continues,
    is_tag,
    parse_tag,
    rewritten,
    split_tag,
    types_of,
)

__all__ = [
    "OUTSIDE",
    "SCHEMES",
    "EntitySpan",
    "InvalidTagSequence",
    "SchemeDetector",
    "TagScheme",
    "continues",
    "get_file_scheme",
    "get_scheme",
    "is_tag",
    "letters_by_type",
    "parse_tag",
    "rewritten",
    "scheme_of_labels",
    "split_tag",
    "types_of",
]
