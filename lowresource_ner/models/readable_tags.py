"""What a tagger says of sentences, for people and programs."""

from typing import Any, Dict

import torch

from lowresource_ner.modules.tag_heads import Span, TagHead
from lowresource_ner.tagging import TagScheme


def readable_tags(
    head: TagHead, tag_scheme: TagScheme, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
) -> Dict[str, Any]:
    """
    Each a list with an entry a sentence: "tags"; "tag_probabilities", of the words' tags; "entities", spans with
    start, end (exclusive), type and confidence; and "distributions", (num_words, num_tags) for each sentence.

    # Parameters

    head : `TagHead`
    tag_scheme : `TagScheme`
    logits : `torch.Tensor`
        (batch_size, num_words, num_tags)
    mask : `torch.BoolTensor`
        (batch_size, num_words)
    temperature : `torch.Tensor`
        A scalar.
    """
    best = head.best_tags(logits, mask)
    lengths = mask.sum(dim=1).tolist()
    tags = [[head.labels[index] for index in row[:length]] for row, length in zip(best.tolist(), lengths)]
    spans = [[Span(*span) for span in tag_scheme.spans(row, repair=True)] for row in tags]
    distributions, confidences = head.confidences(logits, mask, temperature, best, spans)
    chosen = distributions.gather(2, best.unsqueeze(2)).squeeze(2)
    return {
        "tags": tags,
        "tag_probabilities": [row[:length] for row, length in zip(chosen.tolist(), lengths)],
        "entities": [
            [{**span._asdict(), "confidence": confidence} for span, confidence in zip(row, row_confidences)]
            for row, row_confidences in zip(spans, confidences)
        ],
        "distributions": [row[:length] for row, length in zip(distributions, lengths)],
    }
