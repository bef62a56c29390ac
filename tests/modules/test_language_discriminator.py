"""The discriminator against its formula, written out in plain Python."""

import math

import pytest
import torch

from lowresource_ner.modules import LanguageDiscriminator


def test_each_word_by_the_formula() -> None:
    torch.manual_seed(1)
    discriminator = LanguageDiscriminator(input_dim=3, hidden_dim=4).double()
    vectors = torch.randn(2, 5, 3, dtype=torch.float64)
    discriminator.requires_grad_(False)
    logits = discriminator(vectors)
    assert logits.shape == (2, 5)
    hidden, output = discriminator.hidden, discriminator.output
    for sentence in range(2):
        for word in range(5):
            expected = float(output.bias)
            for unit in range(4):
                value = float(hidden.bias[unit]) + sum(
                    float(hidden.weight[unit, i]) * float(vectors[sentence, word, i]) for i in range(3)
                )
                expected += float(output.weight[0, unit]) * max(0.0, value)
            assert float(logits[sentence, word]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("is_source", [True, False])
def test_loss_is_the_mean_over_words_whatever_is_padded(is_source) -> None:
    logits = torch.tensor([[0.5, -2.0, 1.0], [3.0, 99.0, -99.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    loss = LanguageDiscriminator(2).loss(logits, mask, is_source)
    probabilities = [1 / (1 + math.exp(-logit)) for logit in (0.5, -2.0, 1.0, 3.0)]
    expected = [-math.log(p if is_source else 1 - p) for p in probabilities]
    assert float(loss) == pytest.approx(sum(expected) / 4, abs=1e-12)


def test_the_released_size() -> None:
    assert sum(weight.numel() for weight in LanguageDiscriminator(768).parameters()) == 768 * 500 + 500 + 500 + 1
