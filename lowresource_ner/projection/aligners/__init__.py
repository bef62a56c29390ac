from lowresource_ner.projection.aligners.eflomal_aligner import EflomalAligner
from lowresource_ner.projection.aligners.encoder_aligner import EncoderAligner
from lowresource_ner.projection.aligners.pharaoh_aligner import PharaohAligner
from lowresource_ner.projection.aligners.word_aligner import WordAligner

__all__ = ["EflomalAligner", "EncoderAligner", "PharaohAligner", "WordAligner"]
