"""The CRF head against AllenNLP's `ConditionalRandomField`, whose weights it holds."""

import math

import pytest
import torch

from lowresource_ner.modules import chain_sums
from lowresource_ner.modules.tag_heads import CrfHead, SoftmaxHead, chain_distribution
from lowresource_ner.tagging import get_scheme

SCHEMES = ["IOB1", "IOB2", "IOBES", "BILOU"]
BATCHES = {"ragged": [7, 1, 12, 3, 1, 12], "one-row": [5], "one-word": [1], "words": [1, 1, 1]}


def mask_of(lengths):
    return torch.tensor([[word < length for word in range(max(lengths))] for length in lengths])


def random_head(scheme, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    head = CrfHead(get_scheme(scheme).tag_set(["PER", "LOC", "ORG"]), scheme).to(dtype)
    for weight in (head.crf.transitions, head.crf.start_transitions, head.crf.end_transitions):
        weight.data = 1.5 * torch.randn(weight.shape, dtype=dtype)
    return head


def random_batch(head, lengths, dtype=torch.float64, width=3.0, seed=0):
    """Logits, tags (whatever sequences, not valid ones alone) and mask."""
    generator = torch.Generator().manual_seed(seed)
    mask = mask_of(lengths)
    logits = width * torch.randn(*mask.shape, len(head.labels), generator=generator, dtype=torch.float64)
    return logits.to(dtype), torch.randint(len(head.labels), mask.shape, generator=generator), mask


def with_gradients(loss_of, head, logits):
    """The loss, and its gradients by logits, transitions, starts and ends."""
    logits = logits.clone().requires_grad_()
    loss = loss_of(logits)
    crf = head.crf
    return loss, torch.autograd.grad(
        loss, (logits, crf.transitions, crf.start_transitions, crf.end_transitions), allow_unused=True
    )


def expect_allennlps(head, batch, **tolerance):
    logits, tags, mask = batch
    loss, gradients = with_gradients(lambda logits: head.total_loss(logits, tags, mask), head, logits)
    expected, expected_gradients = with_gradients(lambda logits: -head.crf(logits, tags, mask), head, logits)
    assert loss.dtype == logits.dtype
    torch.testing.assert_close(loss, expected, **tolerance)
    for found, wanted in zip(gradients, expected_gradients):
        assert found.dtype == logits.dtype
        # AllenNLP has no gradient by the transitions where no row has two words.
        wanted = torch.zeros_like(found) if wanted is None else wanted
        torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance["rtol"] * max(1.0, float(wanted.abs().max())))


@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["double", "float"])
def test_loss_and_gradients_are_allennlps(lengths, dtype, tolerance):
    for seed in range(5):
        head = random_head("IOB2", dtype, seed)
        expect_allennlps(head, random_batch(head, lengths, dtype, seed=seed), rtol=tolerance, atol=tolerance)


def test_loss_and_gradients_of_extreme_logits_are_allennlps():
    """Beyond what products can carry in one sentence of the batch."""
    head = random_head("IOB2")
    logits, tags, mask = random_batch(head, BATCHES["ragged"])
    logits[2] = 1e4 * logits[2].sign()
    expect_allennlps(head, (logits, tags, mask), rtol=1e-10, atol=1e-10)


def test_the_mean_is_over_words():
    crf = random_head("IOB2")
    for head in (crf, SoftmaxHead(crf.labels)):
        logits, tags, mask = random_batch(head, BATCHES["ragged"])
        torch.testing.assert_close(head.loss(logits, tags, mask) * 36, head.total_loss(logits, tags, mask))


def test_the_loss_does_not_depend_on_padding():
    head = random_head("IOB2")
    logits, tags, mask = random_batch(head, BATCHES["ragged"])
    expected, expected_gradients = with_gradients(lambda logits: head.total_loss(logits, tags, mask), head, logits)
    logits[~mask], tags[~mask] = math.nan, -100
    loss, gradients = with_gradients(lambda logits: head.total_loss(logits, tags, mask), head, logits)
    assert loss == expected
    assert all(torch.equal(one, other) for one, other in zip(gradients, expected_gradients))
    assert not gradients[0][~mask].any()


def test_nan_logits_give_a_nan_loss():
    """So that training stops, as it does with AllenNLP's CRF."""
    head = random_head("IOB2")
    logits, tags, mask = random_batch(head, BATCHES["ragged"])
    logits[0, 0, 0] = math.nan
    assert head.total_loss(logits, tags, mask).isnan()


def test_the_loss_of_half_precision_is_in_single():
    head = random_head("IOB2", torch.float32)
    logits, tags, mask = random_batch(head, BATCHES["ragged"], torch.bfloat16)
    expected = head.total_loss(logits.float(), tags, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, gradients = with_gradients(lambda logits: head.total_loss(logits, tags, mask), head, logits)
    assert loss.dtype == torch.float32 and loss == expected
    assert [gradient.dtype for gradient in gradients] == [torch.bfloat16] + [torch.float32] * 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float", "double"])
def test_best_tags_are_allennlps(scheme, dtype):
    head = random_head(scheme).to(dtype)
    num_repaired = 0
    for seed in range(10):
        logits, _, mask = random_batch(head, BATCHES["ragged"], dtype, width=2.0, seed=seed)
        best = head(logits, mask).best
        assert not best[~mask].any()
        for row, (path, _) in enumerate(head.crf.viterbi_tags(logits, mask)):
            assert best[row, : len(path)].tolist() == path
        num_repaired += int((best != logits.argmax(dim=2))[mask].sum())
    assert num_repaired > 100  # transitions and constraints decide


@pytest.mark.parametrize("scheme", SCHEMES)
def test_best_tags_are_valid_however_strong_the_logits(scheme):
    """AllenNLP forbids with a score of -10,000, which such logits outweigh."""
    head = random_head(scheme)
    logits, _, mask = random_batch(head, BATCHES["ragged"], width=1e6)
    for path, length in zip(head(logits, mask).best.tolist(), BATCHES["ragged"]):
        get_scheme(scheme).check([head.labels[tag] for tag in path[:length]])


def spans_of(head, logits, mask):
    best = head(logits, mask).best
    rows = zip(best.tolist(), mask.sum(dim=1).tolist())
    return best, [
        head.tag_scheme.spans([head.labels[tag] for tag in row[:length]], repair=True) for row, length in rows
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("temperature", [0.7, 2.0])
def test_products_and_log_sums_give_the_same_confidences_and_likelihood(scheme, temperature, monkeypatch):
    head, temperature = random_head(scheme), torch.tensor(temperature)
    logits, tags, mask = random_batch(head, BATCHES["ragged"])
    best, spans = spans_of(head, logits, mask)
    assert max(len(row) for row in spans) > 1 and max(span.end - span.start for row in spans for span in row) > 1
    assert chain_sums._products_are_safe(head.valid_chain(logits, mask, temperature))
    found = []
    for limit in (chain_sums._WIDEST, -1.0):
        monkeypatch.setattr(chain_sums, "_WIDEST", limit)
        distribution = head(logits, mask, temperature)
        found.append(
            (distribution.marginals[mask], distribution.span_probabilities(spans), distribution.log_prob(best))
        )
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("head", [random_head("IOB2"), SoftmaxHead(random_head("IOB2").labels)], ids=["crf", "softmax"])
def test_a_distribution_says_the_same_whatever_it_is_asked_first(head, monkeypatch):
    """What it keeps is right, and is computed once."""
    temperature = torch.tensor(1.5)
    logits, _, mask = random_batch(head, BATCHES["ragged"])
    best, spans = spans_of(head, logits, mask)
    calls = []
    monkeypatch.setattr(
        chain_distribution, "chain_sums", lambda chain: calls.append(chain) or chain_sums.chain_sums(chain)
    )
    one, other = head(logits, mask, temperature), head(logits, mask, temperature)
    probabilities, confidences = one.marginals, one.span_probabilities(spans)
    assert confidences == other.span_probabilities(spans)
    torch.testing.assert_close(probabilities[mask], other.marginals[mask])
    assert torch.equal(one.best, best)
    assert [len(row) for row in confidences] == [len(row) for row in spans] and sum(map(len, spans)) > 5
    assert len(calls) == (2 if isinstance(head, CrfHead) else 0)


def test_a_batch_without_entities_has_no_confidences():
    head = random_head("IOB2")
    logits, tags, mask = random_batch(head, BATCHES["ragged"])
    assert head(logits, mask).span_probabilities([[]] * 6) == [[]] * 6
