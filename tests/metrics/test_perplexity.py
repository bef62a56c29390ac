"""Perplexity over words, against torch's cross-entropy over all of them at once."""

import math

import pytest
import torch

from lowresource_ner.metrics.perplexity import WordPerplexity

# The last batch is small, and its words improbable.
SIZES = [100, 40, 1]


def batches():
    generator = torch.Generator().manual_seed(0)
    for number, size in enumerate(SIZES):
        logits = (1 + 4 * number) * torch.randn(size, 20, generator=generator)
        yield logits, torch.randint(20, (size,), generator=generator)


def test_each_word_weighs_the_same() -> None:
    metric = WordPerplexity()
    per_batch = []
    for logits, words in batches():
        loss = torch.nn.functional.cross_entropy(logits, words, reduction="sum")
        metric(loss, len(words))
        per_batch.append(loss.item() / len(words))
    logits, words = (torch.cat(each) for each in zip(*batches()))
    expected = math.exp(torch.nn.functional.cross_entropy(logits, words).item())
    assert metric.get_metric() == {"perplexity": pytest.approx(expected, rel=1e-5)}
    # Batches that weigh the same would give another figure.
    assert math.exp(sum(per_batch) / len(per_batch)) > 2 * expected


def test_by_hand() -> None:
    metric = WordPerplexity()
    metric(torch.tensor(3 * math.log(2.0), dtype=torch.float64), 3)
    assert metric.get_metric() == {"perplexity": pytest.approx(2)}
    # Asked for, it goes on.
    metric(torch.tensor(math.log(32.0), dtype=torch.float64), 1)
    assert metric.get_metric() == {"perplexity": pytest.approx(4)}


def test_reset_and_nothing() -> None:
    metric = WordPerplexity()
    assert metric.get_metric() == {}
    metric(torch.tensor(8.0), 2)
    assert metric.get_metric(reset=True) == {"perplexity": pytest.approx(math.exp(4))}
    assert metric.get_metric() == {}
    metric(torch.tensor(0.0), 5)
    assert metric.get_metric() == {"perplexity": 1.0}
    metric.reset()
    metric(torch.tensor(0.0), 0)
    assert metric.get_metric() == {}


def test_no_gradient_is_kept_and_none_is_needed() -> None:
    metric = WordPerplexity()
    loss = torch.tensor([2.0, 4.0], requires_grad=True)
    metric(loss.sum(), 3)
    assert metric.get_metric() == {"perplexity": pytest.approx(math.exp(2))}


def test_perplexity_is_always_finite() -> None:
    """JSON has no infinity."""
    metric = WordPerplexity()
    metric(torch.tensor(1e6), 1)
    assert 1e300 < metric.get_metric()["perplexity"] < math.inf
