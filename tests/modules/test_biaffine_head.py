"""The biaffine head against the enumeration of all sets of spans that do not overlap, and its scores by hand."""

import itertools
import math
from functools import cached_property

import pytest
import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules.span_scorer import SpanScorer
from lowresource_ner.modules.tag_heads import BiaffineHead
from lowresource_ner.tagging import EntitySpan, get_scheme

LENGTHS = [5, 1, 3, 4]
ROWS = range(len(LENGTHS))
MASK = torch.tensor([[word < length for word in range(max(LENGTHS))] for length in LENGTHS])
TYPES = ["LOC", "PER"]
TEMPERATURES = [0.5, 1.0, 3.0]


class Sentences:
    """A head with random logits, and for each sentence all sets of spans with their scores."""

    def __init__(self, scheme, max_width):
        generator = torch.Generator().manual_seed(max_width)
        self.max_width = max_width
        self.scheme = get_scheme(scheme)
        self.labels = self.scheme.tag_set(TYPES)[::-1]
        self.head = BiaffineHead(self.labels, scheme, max_width=max_width)
        shape = (len(LENGTHS), max(LENGTHS), max_width, len(TYPES))
        self.logits = 1.5 * torch.randn(shape, generator=generator)
        for row, length in enumerate(LENGTHS):
            for start, width in itertools.product(range(max(LENGTHS)), range(max_width)):
                if start + width >= length:
                    self.logits[row, start, width] = 30.0  # what lies beyond the sentence must not matter

    @cached_property
    def all(self):
        """For each sentence the score of every set of spans."""
        return [self.scores(row, length) for row, length in enumerate(LENGTHS)]

    def scores(self, row, length):
        spans = [
            EntitySpan(start, start + width + 1, entity_type)
            for start, width, entity_type in itertools.product(range(length), range(self.max_width), TYPES)
            if start + width < length
        ]
        sets = [()]
        for span in spans:  # sorted by their beginnings
            sets += [(*chosen, span) for chosen in sets if not chosen or chosen[-1].end <= span.start]
        return {chosen: sum(self.score(row, span) for span in chosen) for chosen in sets}

    def score(self, row, span):
        return self.logits[row, span.start, span.end - span.start - 1, TYPES.index(span.type)].item()

    def probabilities(self, row, temperature):
        scores = self.all[row]
        total = sum(math.exp(score / temperature) for score in scores.values())
        return {chosen: math.exp(score / temperature) / total for chosen, score in scores.items()}

    def tags(self, spans, row):
        """The indices of the tags, padded with what must not matter."""
        tags = self.scheme.tags(spans, LENGTHS[row])
        return [self.labels.index(tag) for tag in tags] + [1] * (max(LENGTHS) - len(tags))


@pytest.fixture(scope="module", params=[("IOB2", 3), ("IOBES", 2), ("BILOU", 1), ("IOB2", 7)], ids=str)
def sentences(request):
    sentences = Sentences(*request.param)
    assert len(sentences.all[0]) > 30
    return sentences


def test_the_best_tags_are_the_best_set_of_spans(sentences):
    best = sentences.head(sentences.logits, MASK).best
    for row, length in enumerate(LENGTHS):
        expected = max(sentences.all[row], key=sentences.all[row].get)
        assert best[row, :length].tolist() == sentences.tags(expected, row)[:length]
    assert not best[~MASK].any()


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_marginals_and_span_probabilities_are_sums_over_all_sets(sentences, temperature):
    distribution = sentences.head(sentences.logits, MASK, torch.tensor(temperature))
    assert distribution.marginals.dtype == sentences.logits.dtype
    for row, length in enumerate(LENGTHS):
        tags, spans = torch.zeros(length, len(sentences.labels)), {}
        for chosen, probability in sentences.probabilities(row, temperature).items():
            for word, tag in enumerate(sentences.tags(chosen, row)[:length]):
                tags[word, tag] += probability
            for span in chosen:
                spans[span] = spans.get(span, 0.0) + probability
        torch.testing.assert_close(distribution.marginals[row, :length], tags, atol=1e-5, rtol=0)
        found = distribution.span_probabilities([list(spans) if other == row else [] for other in ROWS])
        assert found[row] == pytest.approx(list(spans.values()), abs=1e-9)
        assert all(found[other] == [] for other in ROWS if other != row)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_log_prob_is_that_of_the_set_among_all(sentences, temperature):
    distribution = sentences.head(sentences.logits, MASK, torch.tensor(temperature))
    probabilities = [sentences.probabilities(row, temperature) for row in ROWS]
    for number in range(12):
        chosen = [list(each)[number * 7 % len(each)] for each in probabilities]
        tags = torch.tensor([sentences.tags(spans, row) for row, spans in enumerate(chosen)])
        expected = [math.log(each[spans]) for each, spans in zip(probabilities, chosen)]
        assert distribution.log_prob(tags).tolist() == pytest.approx(expected, abs=1e-6)
        assert sentences.head.total_loss(sentences.logits, tags, MASK).item() == pytest.approx(
            -sum(math.log(sentences.probabilities(row, 1.0)[spans]) for row, spans in enumerate(chosen)), abs=1e-4
        )


def test_an_entity_that_is_too_long_counts_as_none():
    sentences = Sentences("IOB2", 2)
    distribution = sentences.head(sentences.logits, MASK)
    spans = [[EntitySpan(0, 3, "LOC"), EntitySpan(3, 4, "PER")], [], [EntitySpan(0, 3, "PER")], []]
    tags = torch.tensor([sentences.tags(each, row) for row, each in enumerate(spans)])
    shorter = torch.tensor([sentences.tags(each[1:], row) for row, each in enumerate(spans)])
    assert torch.equal(distribution.log_prob(tags), distribution.log_prob(shorter))
    (too_long, single), *_ = distribution.span_probabilities(spans)
    assert too_long == 0.0 < single


def test_gradients_are_differences_of_marginals_and_gold():
    sentences = Sentences("IOB2", 3)
    logits = sentences.logits.clone().requires_grad_()
    gold = (EntitySpan(0, 2, "PER"),)
    tags = torch.tensor([sentences.tags(gold, 0)] + [sentences.tags((), row) for row in ROWS[1:]])
    sentences.head.total_loss(logits, tags, MASK).backward()
    probability = sum(p for chosen, p in sentences.probabilities(0, 1.0).items() if gold[0] in chosen)
    assert logits.grad[0, 0, 1, TYPES.index("PER")].item() == pytest.approx(probability - 1, abs=1e-6)
    assert not logits.grad[~MASK].any()


def test_scores_are_biaffine_in_the_first_and_the_last_word():
    torch.manual_seed(3)
    scorer = SpanScorer(input_dim=4, num_types=2, max_width=3, hidden_dim=5, dropout=0.0).double()
    scorer.weight.data.normal_()
    vectors = torch.randn(2, 6, 4).double()
    scores = scorer(vectors)
    assert scores.shape == (2, 6, 3, 2)
    for row, start, width, number in itertools.product(range(2), range(6), range(3), range(2)):
        if start + width < 6:
            first = torch.cat([scorer.first(vectors[row, start]), torch.ones(1)])
            last = torch.cat([scorer.last(vectors[row, start + width]), torch.ones(1)])
            expected = first @ scorer.weight[number] @ last
            torch.testing.assert_close(scores[row, start, width, number], expected)


@pytest.mark.parametrize("labels, scheme", [("O I-PER B-PER", "IOB1"), ("O B-PER", "IOB2")])
def test_labels_that_cannot_write_all_spans_are_refused(labels, scheme):
    with pytest.raises(ConfigurationError, match="needs all tags of the entity types, in IOB2, IOBES or BILOU"):
        BiaffineHead(labels.split(), scheme)
