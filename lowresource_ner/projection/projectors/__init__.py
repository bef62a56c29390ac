from lowresource_ner.projection.projectors.candidates import Candidates
from lowresource_ner.projection.projectors.linked_words import LinkedWords
from lowresource_ner.projection.projectors.span_projector import ProjectedSpan, SpanProjector

__all__ = ["Candidates", "LinkedWords", "ProjectedSpan", "SpanProjector"]
