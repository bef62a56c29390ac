"""A distribution over sets of non-overlapping entities."""

from functools import cached_property
from typing import Callable, List, NamedTuple, Sequence, Tuple

import torch

from lowresource_ner.modules.linear_chain import IMPOSSIBLE
from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.tagging import OUTSIDE, EntitySpan, TagScheme


class SpanTags(NamedTuple):
    """
    How spans are encoded as tags. labels : the tags by index; scheme : their scheme; types : the entity types by index;
    of_spans : (max_width, num_types, max_width), the tag index of each word of a span, by width - 1, type and word.
    """

    labels: List[str]
    scheme: TagScheme
    types: List[str]
    of_spans: torch.Tensor


class SpanDistribution(TagDistribution):
    """
    p(entities) ∝ exp(Σ scores of the entities), over all sets of non-overlapping spans: a semi-Markov CRF without transitions
    (Sarawagi and Cohen 2004, "Semi-Markov conditional random fields for information extraction", NIPS).

    Entities of more than `max_width` words have no score and are ignored in `log_prob`.

    # Parameters

    scores : `torch.Tensor`
        (batch_size, num_words, max_width, num_types), float64: the scores of spans by first word, width - 1 and type.
    mask : `torch.Tensor`
        (batch_size, num_words)
    tags : `SpanTags`
    dtype : `torch.dtype`
        The dtype of the marginals.
    """

    def __init__(self, scores: torch.Tensor, mask: torch.Tensor, tags: SpanTags, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._max_width = scores.size(2)
        self._mask = mask
        self._tags = tags
        has_words = torch.nn.functional.pad(mask, (0, self._max_width - 1)).unfold(1, self._max_width, 1)
        self._scores = scores.masked_fill(~has_words.unsqueeze(3), IMPOSSIBLE)

    @cached_property
    def best(self) -> torch.Tensor:
        scores, types = self._scores.detach().max(dim=3)
        by_last = _by_last_word(scores)
        highest = _totals(by_last, lambda choices: choices.amax(dim=1))
        widths = _choices(highest, by_last).argmax(dim=2).tolist()  # of the best span that ends at a word, 0 for none
        index = {label: number for number, label in enumerate(self._tags.labels)}
        best = torch.zeros_like(self._mask, dtype=torch.long)
        for row, (length, row_widths, row_types) in enumerate(zip(self._lengths, widths, types.tolist())):
            spans, end = [], length
            while end > 0:
                width = row_widths[end - 1]
                if width:
                    spans.append(EntitySpan(end - width, end, self._tags.types[row_types[end - width][width - 1]]))
                end -= max(width, 1)
            tags = self._tags.scheme.tags(spans, length)
            best[row, :length] = torch.tensor([index[tag] for tag in tags], device=best.device)
        return best

    @cached_property
    def marginals(self) -> torch.Tensor:
        num_words = self._mask.size(1)
        marginals = self._spans.new_zeros(*self._mask.shape, len(self._tags.labels))
        for word in range(min(self._max_width, num_words)):  # position within a span
            longer = self._spans[:, : num_words - word, word:].flatten(2)
            marginals[:, word:].index_add_(2, self._tags.of_spans[word:, :, word].flatten(), longer)
        marginals[:, :, self._tags.labels.index(OUTSIDE)] = (1 - marginals.sum(dim=2)).clamp(min=0.0)
        return marginals.to(self._dtype)

    def log_prob(self, tags: torch.Tensor) -> torch.Tensor:
        spans = [
            self._tags.scheme.spans([self._tags.labels[index] for index in row[:length]], repair=True)
            for row, length in zip(tags.tolist(), self._lengths)
        ]
        rows, picked = self._pick(self._scores, spans)
        return torch.zeros_like(self._total).index_add(0, rows, picked) - self._total

    def span_probabilities(self, spans: Sequence[Sequence[EntitySpan]]) -> List[List[float]]:
        found = iter(self._pick(self._spans, spans)[1].tolist())
        return [
            [next(found) if span.end - span.start <= self._max_width else 0.0 for span in of_sentence]
            for of_sentence in spans
        ]

    @cached_property
    def _lengths(self) -> List[int]:
        return self._mask.sum(dim=1).tolist()

    @cached_property
    def _total(self) -> torch.Tensor:
        """(batch_size,): the log sum over all sets."""
        return _log_totals(_by_last_word(torch.logsumexp(self._scores, dim=3)))[:, -1]

    @cached_property
    def _spans(self) -> torch.Tensor:
        """The probability of each span, with the shape of the scores."""
        with torch.no_grad():
            of_any_type = torch.logsumexp(self._scores, dim=3)
            before = _log_totals(_by_last_word(of_any_type))  # (batch_size, num_words + 1)
            after = _log_totals(of_any_type.flip(1)).flip(1)  # the same, from the last word to the first
            following = torch.nn.functional.pad(after[:, 1:], (0, self._max_width - 1)).unfold(1, self._max_width, 1)
            around = before[:, :-1].unsqueeze(2) + following - before[:, -1:].unsqueeze(2)
            return (self._scores + around.unsqueeze(3)).exp().clamp(max=1.0)

    def _pick(self, values: torch.Tensor, spans: Sequence[Sequence[EntitySpan]]) -> Tuple[torch.Tensor, torch.Tensor]:
        """The sentence and the value of each span that is not too long, both (num_spans,)."""
        places = [
            (row, span.start, span.end - span.start - 1, self._tags.types.index(span.type))
            for row, of_sentence in enumerate(spans)
            for span in of_sentence
            if span.end - span.start <= self._max_width
        ]
        rows, starts, widths, types = torch.tensor(places, dtype=torch.long, device=values.device).view(-1, 4).unbind(1)
        return rows, values[rows, starts, widths, types]


def _by_last_word(by_first_word: torch.Tensor) -> torch.Tensor:
    """Reindexes values by first word and width to values by last word and width, (batch_size, num_words, max_width)."""
    num_words = by_first_word.size(1)
    shifted = [
        torch.nn.functional.pad(values[:, : max(0, num_words - number)], (min(number, num_words), 0), value=IMPOSSIBLE)
        for number, values in enumerate(by_first_word.unbind(dim=2))
    ]
    return torch.stack(shifted, dim=2)


def _totals(by_last_word: torch.Tensor, reduce: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """(batch_size, num_words + 1): the scores of all sets of spans within the first 0, 1, ... words, reduced to one number."""
    totals = [torch.zeros_like(by_last_word[:, 0, 0])]
    for word, ending in enumerate(by_last_word.unbind(dim=1)):
        before = torch.stack(
            totals[: -ending.size(1) - 1 : -1], dim=1
        )  # totals of the words before spans of 1, 2, ... words
        with_span = before + ending[:, : word + 1]
        totals.append(reduce(torch.cat([before[:, :1], with_span], dim=1)))  # first column: no span ends at the word
    return torch.stack(totals, dim=1)


def _log_totals(by_last_word: torch.Tensor) -> torch.Tensor:
    return _totals(by_last_word, lambda choices: torch.logsumexp(choices, dim=1))


def _choices(totals: torch.Tensor, by_last_word: torch.Tensor) -> torch.Tensor:
    """(batch_size, num_words, max_width + 1): what `_totals` reduced at each word."""
    max_width = by_last_word.size(2)
    before = torch.nn.functional.pad(totals[:, :-1], (max_width - 1, 0)).unfold(1, max_width, 1).flip(2)
    return torch.cat([before[:, :, :1], before + by_last_word], dim=2)
