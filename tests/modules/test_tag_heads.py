"""Tag heads against the enumeration of all tag sequences (valid by the package's tag schemes) and hand-made loops."""

import itertools
import math
from functools import cached_property

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.modules import ConditionalRandomField

from lowresource_ner.modules.tag_heads import BiaffineHead, CrfHead, SoftmaxHead, TagHead
from lowresource_ner.tagging import EntitySpan, get_scheme

LENGTHS = [4, 1, 3, 2]
ROWS = range(len(LENGTHS))
MASK = torch.tensor([[word < length for word in range(max(LENGTHS))] for length in LENGTHS])
TEMPERATURES = [0.5, 1.0, 3.0]
LABELS = {
    "IOB2": ("IOB2", "I-LOC O B-PER B-LOC I-PER"),
    "IOB2-without-I-LOC": ("IOB2", "O B-PER I-PER B-LOC"),
    "IOB2-nothing-but-B": ("IOB2", "B-PER O B-LOC"),
    "IOBES": ("IOBES", "O E-PER B-PER I-PER S-PER S-LOC"),
    "IOBES-dead-end": ("IOBES", "O B-PER S-LOC"),
    "IOBES-without-I": ("IOBES", "O B-PER E-PER B-LOC E-LOC S-LOC"),
    "BILOU": ("BILOU", "U-PER B-PER I-PER L-PER O U-LOC"),
    "BILOU-without-I": ("BILOU", "O B-PER L-PER U-PER B-LOC L-LOC"),
    "IOB1": ("IOB1", "O I-PER B-PER I-LOC B-LOC"),
    "IOB1-without-B-LOC": ("IOB1", "I-LOC I-PER O B-PER"),
}


class Chain:
    """A CRF head with random weights and logits, and all sequences over its labels with their scores."""

    def __init__(self, scheme, labels):
        generator = torch.Generator().manual_seed(len(labels))
        self.scheme, self.labels = get_scheme(scheme), labels.split()
        self.head = CrfHead(self.labels, scheme)
        weights = (self.head.crf.transitions, self.head.crf.start_transitions, self.head.crf.end_transitions)
        for weight in weights:
            weight.data = 1.5 * torch.randn(weight.shape, generator=generator)
        self.logits = 1.5 * torch.randn(len(LENGTHS), max(LENGTHS), len(self.labels), generator=generator)
        self.logits[~MASK] = 30.0  # what stands in the padding must not matter
        # Python's floats, so that every sum below is one of float64.
        self.emissions = self.logits.tolist()
        self.transitions, self.starts, self.ends = (weight.tolist() for weight in weights)

    def score(self, row, path):
        score = self.starts[path[0]] + self.ends[path[-1]]
        score += sum(self.emissions[row][word][tag] for word, tag in enumerate(path))
        return score + sum(self.transitions[before][after] for before, after in zip(path, path[1:]))

    @cached_property
    def all(self):
        """For each row the score of every sequence, valid or not."""
        paths = [itertools.product(range(len(self.labels)), repeat=length) for length in LENGTHS]
        return [{path: self.score(row, path) for path in paths[row]} for row in ROWS]

    @cached_property
    def valid(self):
        """For each row the score of every sequence that the scheme allows."""
        return [
            {path: score for path, score in row.items() if self.scheme.first_error(self.tags(path)) is None}
            for row in self.all
        ]

    def probabilities(self, row, temperature):
        """Of every valid sequence."""
        total = log_sum([score / temperature for score in self.valid[row].values()])
        return {path: math.exp(score / temperature - total) for path, score in self.valid[row].items()}

    def tags(self, path):
        return [self.labels[tag] for tag in path]

    def spans(self, path):
        return self.scheme.spans(self.tags(path))


def log_sum(scores):
    highest = max(scores)
    return highest + math.log(sum(math.exp(score - highest) for score in scores))


def padded(paths):
    """Tag indices of ragged rows; what stands in the padding must not matter."""
    rows = [list(path) + [1] * (max(LENGTHS) - len(path)) for path in paths]
    return torch.tensor(rows)


@pytest.fixture(scope="module", params=LABELS)
def chain(request):
    chain = Chain(*LABELS[request.param])
    # More than one sequence is left, and some are forbidden but where no tag continues another.
    assert all(1 < len(valid) for valid in chain.valid)
    nothing_forbidden = {label[0] for label in chain.labels} == {"O", "B"}
    assert nothing_forbidden == (len(chain.valid[0]) == len(chain.all[0]))
    return chain


def test_the_crfs_best_tags_are_the_best_valid_sequence(chain):
    best = chain.head(chain.logits, MASK).best
    expected = [max(valid, key=valid.get) for valid in chain.valid]
    assert best.tolist() == [list(path) + [0] * (max(LENGTHS) - len(path)) for path in expected]


def test_the_crfs_marginal_logits_are_over_all_sequences(chain):
    """As its loss. Their softmax is compared, since a constant for each word does not matter."""
    found = torch.softmax(chain.head.marginal_logits(chain.logits, MASK), dim=2)
    for row, scores in enumerate(chain.all):
        total = log_sum(list(scores.values()))
        for word in range(LENGTHS[row]):
            for tag in range(len(chain.labels)):
                with_tag = sum(math.exp(score - total) for path, score in scores.items() if path[word] == tag)
                assert found[row, word, tag].item() == pytest.approx(with_tag, rel=1e-6)


def test_a_head_whose_marginals_are_not_differentiable_says_so():
    head = BiaffineHead(get_scheme("IOBES").tag_set(["PER"]), "IOBES")
    with pytest.raises(ConfigurationError, match="BiaffineHead has no differentiable marginals.*'crf' or 'softmax'"):
        head.marginal_logits(torch.zeros(1, 2, 10, 1), torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_crfs_probabilities_are_marginals_over_valid_sequences(chain, temperature):
    probabilities = chain.head(chain.logits, MASK, torch.tensor(temperature)).marginals
    assert probabilities.dtype == chain.logits.dtype
    for row, length in enumerate(LENGTHS):
        expected = torch.zeros(length, len(chain.labels))
        for path, probability in chain.probabilities(row, temperature).items():
            for word, tag in enumerate(path):
                expected[word, tag] += probability
        torch.testing.assert_close(probabilities[row, :length], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_spans_probability_is_that_of_all_valid_sequences_that_hold_exactly_it(chain, temperature):
    num_checked = 0
    for row in ROWS:
        expected = {}
        for path, probability in chain.probabilities(row, temperature).items():
            for span in chain.spans(path):
                expected[span] = expected.get(span, 0.0) + probability
        spans = [list(expected) if other == row else [] for other in ROWS]
        found = chain.head(chain.logits, MASK, torch.tensor(temperature)).span_probabilities(spans)
        assert found[row] == pytest.approx(list(expected.values()), abs=1e-9)
        assert all(found[other] == [] for other in ROWS if other != row)
        num_checked += len(expected)
    assert num_checked >= 10


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_crfs_likelihood_and_best_tags_at_any_temperature(chain, temperature):
    """Of the sequences of one row, with the first valid one in the other rows."""
    first = [next(iter(valid)) for valid in chain.valid]
    probabilities = [chain.probabilities(row, temperature) for row in ROWS]
    row = LENGTHS.index(3)
    found = {}
    for path in chain.valid[row]:
        gold = [path if other == row else first[other] for other in ROWS]
        logarithms = chain.head(chain.logits, MASK, torch.tensor(temperature)).log_prob(padded(gold)).tolist()
        expected = [math.log(probabilities[other][gold[other]]) for other in ROWS]
        assert logarithms == pytest.approx(expected, abs=1e-5)
        found[path] = logarithms[row]
    best = chain.head(chain.logits, MASK, torch.tensor(temperature)).best[row].tolist()
    assert max(found, key=found.get) == tuple(best[: LENGTHS[row]])


def test_the_crfs_loss_is_allennlps_over_all_sequences_divided_by_words(chain):
    gold = [max(valid, key=valid.get) for valid in chain.valid]
    loss = chain.head.loss(chain.logits, padded(gold), MASK)
    unconstrained = ConditionalRandomField(len(chain.labels))
    unconstrained.load_state_dict(
        {name: value for name, value in chain.head.crf.state_dict().items() if name != "_constraint_mask"}, strict=False
    )
    allennlps = -unconstrained(chain.logits, padded(gold), MASK).item()
    assert loss.item() == pytest.approx(allennlps / sum(LENGTHS), abs=1e-5)
    by_hand = sum(log_sum(list(chain.all[row].values())) - chain.all[row][gold[row]] for row in ROWS) / sum(LENGTHS)
    assert loss.item() == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize("head_class", [SoftmaxHead, CrfHead])
def test_the_divergence_is_torchs_both_ways_with_gradients_both_ways(head_class):
    """Averaged over words; what stands in the padding does not matter."""
    head = head_class(LABELS["IOB2"][1].split()).double()
    generator = torch.Generator().manual_seed(4)
    passes = [torch.randn(*MASK.shape, 5, generator=generator, dtype=torch.float64) for _ in range(2)]
    for logits in passes:
        logits[~MASK] = 30.0
        logits.requires_grad_()
    p, q = (head.marginal_logits(logits, MASK)[MASK].log_softmax(dim=1) for logits in passes)
    if head_class is SoftmaxHead:
        assert torch.equal(p, passes[0][MASK].log_softmax(dim=1))
    kl_div = torch.nn.functional.kl_div
    expected = kl_div(q, p, reduction="batchmean", log_target=True) + kl_div(
        p, q, reduction="batchmean", log_target=True
    )
    found = head.divergence(*passes, MASK)
    torch.testing.assert_close(found, expected)
    assert head.divergence(passes[0], passes[0], MASK).item() == 0
    assert torch.autograd.gradcheck(lambda *logits: head.divergence(*logits, MASK), passes)
    gradients = torch.autograd.grad(found, passes)
    assert all(gradient[MASK].abs().sum() > 0 and not gradient[~MASK].any() for gradient in gradients)


def test_temperature_can_be_learned_from_the_crfs_likelihood():
    chain = Chain(*LABELS["IOB2"])
    gold = padded([next(iter(valid)) for valid in chain.valid])
    temperature = torch.tensor(1.3, requires_grad=True)
    (-chain.head(chain.logits, MASK, temperature).log_prob(gold).sum()).backward()
    step = 1e-4
    above, below = (
        sum(-math.log(chain.probabilities(row, value)[next(iter(chain.valid[row]))]) for row in ROWS)
        for value in (1.3 + step, 1.3 - step)
    )
    assert temperature.grad.item() == pytest.approx((above - below) / (2 * step), rel=1e-3)


def test_an_unknown_scheme_is_refused():
    with pytest.raises(ConfigurationError, match="Unknown tag scheme 'BMES'; use one of IOB2, IOB1, IOBES, BILOU"):
        CrfHead(["O", "S-PER"], "BMES")


SOFTMAX_LABELS = "O B-PER I-PER B-LOC".split()


@pytest.fixture(scope="module")
def softmax():
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(len(LENGTHS), max(LENGTHS), len(SOFTMAX_LABELS), generator=generator)
    gold = torch.randint(len(SOFTMAX_LABELS), MASK.shape, generator=generator)
    return SoftmaxHead(SOFTMAX_LABELS), logits, gold


def by_hand(logits, temperature):
    """The probabilities of a word's tags."""
    exponentials = [math.exp(value / temperature) for value in logits.tolist()]
    return [value / sum(exponentials) for value in exponentials]


def words():
    return [(row, word) for row, length in enumerate(LENGTHS) for word in range(length)]


def test_the_softmax_loss_is_the_mean_over_words(softmax):
    head, logits, gold = softmax
    losses = [-math.log(by_hand(logits[place], 1.0)[gold[place]]) for place in words()]
    assert len(losses) == 10
    assert head.loss(logits, gold, MASK).item() == pytest.approx(sum(losses) / 10, abs=1e-5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_softmax_probabilities_likelihood_and_best_tags(softmax, temperature):
    head, logits, gold = softmax
    distribution = head(logits, MASK, torch.tensor(temperature))
    probabilities, best = distribution.marginals, distribution.best
    logarithms = [0.0] * len(LENGTHS)
    for place in words():
        expected = by_hand(logits[place], temperature)
        assert probabilities[place].tolist() == pytest.approx(expected, abs=1e-5)
        assert expected[best[place]] == max(expected)
        logarithms[place[0]] += math.log(expected[gold[place]])
    assert distribution.log_prob(gold).tolist() == pytest.approx(logarithms, abs=1e-4)
    assert not best[~MASK].any()


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_softmax_span_is_the_product_of_its_words(softmax, temperature):
    """Of its words' best tags, which `gold` is made to be here."""
    head, logits, gold = softmax
    logits = torch.where(
        torch.nn.functional.one_hot(gold, logits.size(2)).bool(), logits.amax(dim=2, keepdim=True) + 0.1, logits
    )
    spans = [
        [EntitySpan(0, 2, "PER"), EntitySpan(3, 4, "LOC")],
        [EntitySpan(0, 1, "PER")],
        [],
        [EntitySpan(0, 2, "LOC")],
    ]
    found = head(logits, MASK, torch.tensor(temperature)).span_probabilities(spans)
    for row, (sentence, probabilities) in enumerate(zip(spans, found)):
        expected = [
            math.prod(by_hand(logits[row, word], temperature)[gold[row, word]] for word in range(span.start, span.end))
            for span in sentence
        ]
        assert probabilities == pytest.approx(expected, rel=1e-5)


def test_heads_are_built_by_name_with_what_the_model_gives():
    for name, head_class in [("softmax", SoftmaxHead), ("crf", CrfHead), ("biaffine", BiaffineHead)]:
        labels = get_scheme("BILOU").tag_set(["PER"])
        head = TagHead.from_params(Params({"type": name}), labels=labels, tag_scheme="BILOU")
        assert type(head) is head_class
        assert (head.labels, head.tag_scheme) == (labels, get_scheme("BILOU"))
    assert TagHead.from_params(Params({}), labels=["O", "B-PER"]).best_is_cheap
    assert not CrfHead.best_is_cheap
