"""The language model: its targets, the sampled softmax against explicit loops, the full softmax against torch."""

import collections
import math

import numpy
import pytest
import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules import bidirectional_language_model
from lowresource_ner.modules.bidirectional_language_model import BidirectionalLanguageModel, _draw, predictions
from lowresource_ner.modules.generated_lstm import GeneratedLstm

HIDDEN = 4
LENGTHS = [5, 1, 8, 3]


def mask_of(lengths=LENGTHS):
    return torch.tensor([[word < length for word in range(max(lengths))] for length in lengths])


def batch_of(num_words, lengths=LENGTHS, seed=0, dtype=torch.float64):
    """States, classes (in the padding, too) and mask."""
    generator = torch.Generator().manual_seed(seed)
    mask = mask_of(lengths)
    encoded = torch.randn(*mask.shape, 2 * HIDDEN, generator=generator, dtype=torch.float64).to(dtype)
    return encoded, torch.randint(num_words, mask.shape, generator=generator), mask


def model_of(num_words, num_samples=5, sparse=False, dtype=torch.float64, seed=0):
    """With biases, which begin as zeros."""
    model = BidirectionalLanguageModel(num_words, HIDDEN, num_samples, sparse).to(dtype)
    weight, bias = weights_of(model)
    torch.manual_seed(seed)
    weight.data.normal_()
    bias.data.normal_()
    return model


def weights_of(model):
    softmax = model.softmax
    return (
        (softmax.softmax_w.weight, softmax.softmax_b.weight)
        if softmax.sparse
        else (softmax.softmax_w, softmax.softmax_b)
    )


def by_word(lengths):
    """Each word's row and position, and its neighbour's: the next one's for the forward direction, the previous one's."""
    for direction, step in ((0, 1), (1, -1)):
        for row, length in enumerate(lengths):
            for position in range(length):
                neighbour = position + step
                yield direction, row, position, neighbour if 0 <= neighbour < length else None


# What predicts what.


def test_predictions_by_hand():
    encoded = torch.tensor([[[1, -1], [2, -2], [3, -3]], [[4, -4], [5, -5], [99, -99]]])
    words = torch.tensor([[7, 8, 9], [3, 0, 77]])  # 77 is padding's; the second word of the second row is unknown
    mask = torch.tensor([[True, True, True], [True, True, False]])
    (forward, following), (backward, preceding) = predictions(encoded, words, mask)
    # The last word is followed by the boundary, which is class 0; the first one is preceded by it.
    assert forward.flatten().tolist() == [1, 2, 3, 4, 5] and following.tolist() == [8, 9, 0, 0, 0]
    assert backward.flatten().tolist() == [-1, -2, -3, -4, -5] and preceding.tolist() == [0, 7, 8, 0, 3]


def test_predictions_by_a_loop():
    encoded, words, mask = batch_of(20)
    found = predictions(encoded, words, mask)
    expected = {0: [], 1: []}
    for direction, row, position, neighbour in by_word(LENGTHS):
        state = encoded[row, position, direction * HIDDEN : (direction + 1) * HIDDEN]
        expected[direction].append((state.tolist(), 0 if neighbour is None else int(words[row, neighbour])))
    assert [list(zip(states.tolist(), targets.tolist())) for states, targets in found] == [expected[0], expected[1]]


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("word", [0, 2, 4])
def test_no_state_has_seen_the_word_that_it_predicts(word, num_layers):
    """Through the LSTM: what predicts word i does not change with the vector of word i, though other states do."""
    lstm = GeneratedLstm(3, HIDDEN, num_layers)
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(lstm.num_parameters, generator=generator)
    vectors, mask = torch.randn(1, 5, 3, generator=generator), mask_of([5])
    changed = vectors.clone()
    changed[0, word] += 1
    # Each word is its own class, so that targets say whose states they are.
    words = torch.tensor([[1, 2, 3, 4, 5]])
    before, after = (predictions(lstm(each, mask, theta), words, mask) for each in (vectors, changed))
    num_predicting = 0
    for (old, targets), (new, _) in zip(before, after):
        predicts_it = targets == word + 1
        assert old[predicts_it].equal(new[predicts_it])
        assert not old.equal(new)
        num_predicting += int(predicts_it.sum())
    assert num_predicting == (1 if word in (0, 4) else 2)


# The full softmax.


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("lengths", [LENGTHS, [1], [400, 300, 1]], ids=["short", "one-word", "more-than-a-piece"])
def test_evaluation_is_torchs_cross_entropy(lengths, sparse):
    model = model_of(30, sparse=sparse).eval()
    encoded, words, mask = batch_of(30, lengths)
    weight, bias = weights_of(model)
    expected = 0.0
    for direction, row, position, neighbour in by_word(lengths):
        logits = weight @ encoded[row, position, direction * HIDDEN : (direction + 1) * HIDDEN] + bias.flatten()
        target = torch.tensor(0) if neighbour is None else words[row, neighbour]
        expected += torch.nn.functional.cross_entropy(logits, target).item()
    loss = model(encoded, words, mask)
    assert loss.shape == () and loss.item() == pytest.approx(expected / 2, rel=1e-12)


def test_evaluation_draws_nothing():
    model = model_of(30).eval()
    state = torch.get_rng_state()
    assert model(*batch_of(30)).equal(model(*batch_of(30)))
    assert torch.get_rng_state().equal(state)


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_without_words(training):
    encoded, words, mask = batch_of(30)
    assert model_of(30).train(training)(encoded, words, torch.zeros_like(mask)).item() == 0


# The sampled softmax.


def sampled_by_loops(model, batch, draws):
    """
    Of each word the corrected logit of its target and of every candidate that is not the target (an accidental hit); the
    correction is the log of how often the class is expected among so many draws.
    """
    encoded, words, mask = batch
    weight, bias = weights_of(model)
    num_words = len(weight)

    def corrected(state, chosen, num_draws):
        share = math.log((chosen + 2) / (chosen + 1)) / math.log(num_words + 1)
        return (weight[chosen] @ state + bias.flatten()[chosen]).item() - math.log(1 - (1 - share) ** num_draws)

    total = 0.0
    for direction, row, position, neighbour in by_word(LENGTHS):
        candidates, num_draws = draws[direction]
        target = 0 if neighbour is None else int(words[row, neighbour])
        state = encoded[row, position, direction * HIDDEN : (direction + 1) * HIDDEN]
        own = corrected(state, target, num_draws)
        others = [corrected(state, chosen, num_draws) for chosen in candidates if chosen != target]
        total -= own - math.log(sum(map(math.exp, [own, *others])))
    return total / 2


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("num_words, num_samples", [(12, 5), (12, 11), (300, 40)])
def test_training_is_the_sampled_softmax(num_words, num_samples, sparse, monkeypatch):
    draws = []
    monkeypatch.setattr(bidirectional_language_model, "_draw", lambda *sizes: draws.append(_draw(*sizes)) or draws[-1])
    model, batch = model_of(num_words, num_samples, sparse), batch_of(num_words)
    loss = model(*batch)
    # Drawn for each direction anew, and shared by its words.
    assert len(draws) == 2 and draws[0][0].tolist() != draws[1][0].tolist()
    targets = set(batch[1][batch[2]].tolist())
    assert any(chosen in targets for candidates, _ in draws for chosen in candidates), "no accidental hit"
    assert loss.item() == pytest.approx(sampled_by_loops(model, batch, draws), rel=1e-6)  # AllenNLP's shares are single
    loss.backward()
    assert all(weight.grad.is_sparse == sparse for weight in weights_of(model))


def test_sparse_and_dense_gradients_are_the_same():
    batch = batch_of(40)
    found = []
    for sparse in (True, False):
        model = model_of(40, sparse=sparse)
        torch.manual_seed(6)
        model(*batch).backward()
        found.append([weight.grad.to_dense().flatten() for weight in weights_of(model)])
    for ours, theirs in zip(*found):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
        assert 0 < ours.ne(0).sum() < len(ours)


def test_all_classes_but_one_are_nearly_the_full_softmax():
    model, batch = model_of(200, 199), batch_of(200)
    torch.manual_seed(0)
    losses = [model(*batch).item() for _ in range(20)]
    assert sum(losses) / 20 == pytest.approx(model.eval()(*batch).item(), rel=0.005)
    few = model_of(200, 20)
    assert few(*batch).item() < 0.9 * few.eval()(*batch).item(), "the fewer samples, the further from it"


def test_samples_follow_torchs_seed_and_not_numpys():
    """A checkpoint keeps torch's generator; numpy's is AllenNLP's, which shuffles data."""
    model, batch = model_of(100), batch_of(100)

    def loss(torch_seed, numpy_seed):
        torch.manual_seed(torch_seed)
        numpy.random.seed(numpy_seed)
        before = numpy.random.get_state()[1].copy()
        found = model(*batch).item()
        assert (numpy.random.get_state()[1] == before).all() and numpy.random.get_state()[2] == 624
        return found

    assert loss(1, 1) == loss(1, 2) != loss(2, 1)


# The draws.


def shares(num_words):
    return numpy.log1p(1 / numpy.arange(1, num_words + 1)) / math.log(num_words + 1)


@pytest.mark.parametrize("num_words", [2, 9, 50])
def test_single_draws_are_log_uniform(num_words):
    torch.manual_seed(0)
    num_draws = 20_000
    counts = collections.Counter()
    for _ in range(num_draws):
        (chosen,), tries = _draw(num_words, 1)
        assert tries == 1
        counts[int(chosen)] += 1
    expected = num_draws * shares(num_words)
    assert expected.sum() == pytest.approx(num_draws) and set(counts) <= set(range(num_words))
    statistic = sum((counts[chosen] - expected[chosen]) ** 2 / expected[chosen] for chosen in range(num_words))
    # Chi-square with num_words - 1 degrees of freedom: mean that, standard deviation √(2 that).
    assert statistic < num_words - 1 + 4 * math.sqrt(2 * (num_words - 1))


def test_pairs_are_drawn_without_replacement():
    """The share of each pair, and the mean number of draws, as computed by hand."""
    torch.manual_seed(0)
    num_words, num_repeats = 5, 20_000
    p = shares(num_words)
    pairs, total = collections.Counter(), 0
    for _ in range(num_repeats):
        drawn, num_draws = _draw(num_words, 2)
        assert len(drawn) == 2 <= num_draws
        pairs[tuple(sorted(drawn.tolist()))] += 1
        total += num_draws
    assert len(pairs) == 10
    for (i, j), count in pairs.items():
        # i and then j, whatever number of i's come between, or the other way round.
        probability = p[i] * p[j] / (1 - p[i]) + p[j] * p[i] / (1 - p[j])
        deviation = math.sqrt(num_repeats * probability * (1 - probability))
        assert abs(count - num_repeats * probability) < 4 * deviation
    expected = 1 + sum(p / (1 - p))  # the first draw, and then until another class comes
    assert total / num_repeats == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("num_words, num_samples", [(51, 50), (1000, 50), (60_000, 50), (3, 2)])
def test_samples_are_distinct_classes(num_words, num_samples):
    torch.manual_seed(0)
    for _ in range(20):
        drawn, num_draws = _draw(num_words, num_samples)
        assert drawn.dtype == numpy.int64 and drawn.shape == (num_samples,)
        assert len(set(drawn.tolist())) == num_samples <= num_draws
        assert drawn.min() >= 0 and drawn.max() < num_words


def test_how_often_a_class_is_expected_among_the_draws():
    """1 - (1 - p)^n for n draws, by which the sampled softmax corrects its logits."""
    torch.manual_seed(0)
    num_words, num_repeats = 2000, 2000
    counts, tries = collections.Counter(), []
    for _ in range(num_repeats):
        drawn, num_draws = _draw(num_words, 50)
        counts.update(drawn.tolist())
        tries.append(num_draws)
    for chosen in (0, 1, 2, 5, 20, 100, 700, 1999):
        expected = (1 - (1 - shares(num_words)[chosen]) ** numpy.array(tries)).sum()
        deviation = math.sqrt(expected * (1 - expected / num_repeats))
        assert abs(counts[chosen] - expected) < 4 * deviation + 1, chosen


@pytest.mark.parametrize("num_words", [5, 3])
def test_too_few_words(num_words):
    with pytest.raises(ConfigurationError, match=f"draws 5 samples from {num_words} words"):
        BidirectionalLanguageModel(num_words, HIDDEN, num_samples=5)
    assert BidirectionalLanguageModel(6, HIDDEN, num_samples=5)(*batch_of(6, dtype=torch.float32)) > 0
