from lowresource_ner.projection.aligners import EflomalAligner, EncoderAligner, PharaohAligner, WordAligner
from lowresource_ner.projection.projectors import Candidates, LinkedWords, SpanProjector

__all__ = [
    "Candidates",
    "EflomalAligner",
    "EncoderAligner",
    "LinkedWords",
    "PharaohAligner",
    "SpanProjector",
    "WordAligner",
]
