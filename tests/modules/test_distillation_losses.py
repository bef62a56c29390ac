"""Distillation losses against torch's own functions, sentence by sentence, in float64."""

import math

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules.distillation_losses import (
    DistillationLoss,
    HardLabelLoss,
    KlLoss,
    MseLoss,
    SoftCrossEntropyLoss,
)

F = torch.nn.functional
LENGTHS = [5, 1, 3, 2]
NUM_TAGS = 4
MASK = torch.tensor([[word < length for word in range(max(LENGTHS))] for length in LENGTHS])


def at(temperature, probabilities):
    """What a teacher with the logits log p would give at a temperature."""
    return torch.softmax(probabilities.log() / temperature, dim=-1)


# Of one sentence without padding: (words, tags) and (words, tags) to the mean over its words.
EXPECTED = {
    "mse": (MseLoss, {}, lambda logits, p: F.mse_loss(logits.softmax(-1), p)),
    "kl": (KlLoss, {}, lambda logits, p: F.kl_div(logits.log_softmax(-1), p, reduction="batchmean")),
    "kl at 3": (
        KlLoss,
        {"temperature": 3.0},
        lambda logits, p: 9 * F.kl_div((logits / 3).log_softmax(-1), at(3, p), reduction="batchmean"),
    ),
    "kl at 0.5": (
        KlLoss,
        {"temperature": 0.5},
        lambda logits, p: F.kl_div((logits / 0.5).log_softmax(-1), at(0.5, p), reduction="batchmean") / 4,
    ),
    "soft_cross_entropy": (SoftCrossEntropyLoss, {}, F.cross_entropy),
    "hard_labels": (HardLabelLoss, {}, lambda logits, p: F.cross_entropy(logits, p.argmax(-1))),
}
every_loss = pytest.mark.parametrize("loss_class, options, of_sentence", EXPECTED.values(), ids=EXPECTED)
both_averages = pytest.mark.parametrize("average", ["sentences", "words"])


def batch(seed=0):
    """Logits and a teacher's probabilities; what stands in the padding must not matter."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(*MASK.shape, NUM_TAGS, generator=generator, dtype=torch.float64)
    teacher = (2 * torch.randn(*MASK.shape, NUM_TAGS, generator=generator, dtype=torch.float64)).softmax(-1)
    logits[~MASK] = 1e4
    teacher[~MASK] = 0.0
    return logits, teacher


def sentences(logits, teacher):
    return [(logits[row, :length], teacher[row, :length]) for row, length in enumerate(LENGTHS)]


def mean_of(of_sentence, average, pairs):
    """The mean over non-empty sentences, each by itself, or over all their words."""
    pairs = [(logits, teacher) for logits, teacher in pairs if len(logits)]
    values = [of_sentence(logits, teacher) for logits, teacher in pairs]
    if average == "sentences":
        return sum(values) / len(values)
    return sum(value * len(logits) for value, (logits, _) in zip(values, pairs)) / sum(len(pair[0]) for pair in pairs)


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-10)


@every_loss
@both_averages
def test_the_loss_is_torchs(loss_class, options, of_sentence, average):
    logits, teacher = batch()
    loss = loss_class(average=average, **options)
    expected = mean_of(of_sentence, average, sentences(logits, teacher))
    close(loss(logits, teacher, MASK), expected)
    summed = loss.summed(logits, teacher, MASK)
    assert summed.number == (len(LENGTHS) if average == "sentences" else sum(LENGTHS))
    close(summed.total, expected * summed.number)


@every_loss
@both_averages
def test_gradients(loss_class, options, of_sentence, average):
    """Of all words with a weight, and of none in the padding."""
    logits, teacher = batch()
    logits[~MASK] = 0.5
    weights = torch.full(MASK.shape, 0.7, dtype=torch.float64)
    weights[0, 1] = 0.0
    logits.requires_grad_()
    loss = loss_class(average=average, **options)
    assert torch.autograd.gradcheck(lambda logits: loss(logits, teacher, MASK, weights), (logits,))
    loss(logits, teacher, MASK, weights).backward()
    counted = MASK & (weights > 0)
    assert (logits.grad[counted] != 0).any(dim=-1).all() and not logits.grad[~counted].any()


@every_loss
@both_averages
def test_wider_padding_changes_nothing(loss_class, options, of_sentence, average):
    logits, teacher = batch()
    loss = loss_class(average=average, **options)
    wide = F.pad(logits, (0, 0, 0, 3), value=math.inf), F.pad(teacher, (0, 0, 0, 3), value=math.nan)
    assert loss(*wide, F.pad(MASK, (0, 3))) == loss(logits, teacher, MASK)


@every_loss
@both_averages
def test_a_word_of_weight_0_is_as_if_it_were_not_there(loss_class, options, of_sentence, average):
    """Nor is a sentence whose words are all of weight 0."""
    logits, teacher = batch()
    weights = torch.tensor([[1, 0, 1, 0, 1], [0] * 5, [0, 1, 1, 1, 1], [1] * 5])
    kept = [
        (words[weights[row, : len(words)] > 0], probabilities[weights[row, : len(words)] > 0])
        for row, (words, probabilities) in enumerate(sentences(logits, teacher))
    ]
    assert [len(words) for words, _ in kept] == [3, 0, 2, 2]
    teacher[weights == 0] = math.nan
    summed = loss_class(average=average, **options).summed(logits, teacher, MASK, weights)
    close(summed.mean, mean_of(of_sentence, average, kept))
    assert summed.number == (3 if average == "sentences" else 7)


@every_loss
def test_weights_are_factors_of_the_words_losses(loss_class, options, of_sentence):
    logits, teacher = batch()
    weights = torch.rand(MASK.shape, generator=torch.Generator().manual_seed(1)) + 0.1
    in_words, in_sentences = (loss_class(average=average, **options) for average in ("words", "sentences"))
    words = [
        [weight * of_sentence(word[None], probabilities[None]) for weight, word, probabilities in zip(row, *pair)]
        for row, pair in zip(weights.double(), sentences(logits, teacher))
    ]
    close(in_words(logits, teacher, MASK, weights), sum(map(sum, words)) / sum(LENGTHS))
    close(in_sentences(logits, teacher, MASK, weights), sum(sum(row) / len(row) for row in words) / len(words))


@every_loss
def test_a_batch_is_the_mean_of_its_sentences(loss_class, options, of_sentence):
    logits, teacher = batch()
    loss = loss_class(**options)
    alone = [loss(*(part[row : row + 1] for part in (logits, teacher, MASK))) for row in range(len(LENGTHS))]
    close(loss(logits, teacher, MASK), sum(alone) / len(alone))


@every_loss
@both_averages
def test_a_batch_without_counted_words_has_loss_0(loss_class, options, of_sentence, average):
    logits, teacher = batch()
    logits.requires_grad_()
    loss = loss_class(average=average, **options)
    for mask, weights in [(torch.zeros_like(MASK), None), (MASK, torch.zeros(MASK.shape))]:
        value = loss(logits, teacher, mask, weights)
        assert value == 0
        value.backward()
        assert not logits.grad.any()


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_sixteen_bits_are_computed_in_thirty_two(loss_class, options, of_sentence, dtype):
    logits, teacher = batch()
    teacher = teacher.half()
    loss = loss_class(**options)(logits.to(dtype), teacher, MASK)
    assert loss.dtype == torch.float32
    expected = loss_class(**options)(logits.to(dtype).double(), teacher, MASK)
    assert expected.dtype == torch.float64
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@every_loss
def test_probabilities_of_zero_give_finite_losses_and_gradients(loss_class, options, of_sentence):
    """Where p_c is 0, as in 16 bits it often is, p_c log p_c is 0 and no gradient is NaN."""
    logits, _ = batch()
    logits.requires_grad_()
    teacher = F.one_hot(torch.ones(MASK.shape, dtype=torch.long), NUM_TAGS).half()
    loss = loss_class(**options)(logits, teacher, MASK)
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()
    if options == {} and loss_class is not MseLoss:
        close(loss, HardLabelLoss()(logits, teacher, MASK))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_a_student_that_is_its_teacher_has_reached_the_least_loss(temperature):
    logits, _ = batch()
    teacher = logits.softmax(-1)
    logits.requires_grad_()
    for loss in (MseLoss(), KlLoss(temperature)):
        assert loss(logits, teacher, MASK).item() == pytest.approx(0, abs=1e-12)
    value = SoftCrossEntropyLoss()(logits, teacher, MASK)
    value.backward()
    assert value > 0.1 and logits.grad.abs().max() < 1e-12


def test_half_precision_changes_nothing_at_a_high_temperature():
    """A teacher so sure that a store holds 0 for its other labels."""
    logits, mask = torch.randn(1, 3, 9), torch.ones(1, 3, dtype=torch.bool)
    teacher = torch.softmax(torch.tensor([20.0] + 8 * [0.0]).repeat(1, 3, 1), dim=-1)
    assert (teacher.half()[..., 1:] == 0).all() and (teacher[..., 1:] > 0).all()
    for temperature in (2.0, 4.0, 8.0):
        loss = KlLoss(temperature=temperature)
        assert loss(logits, teacher.half(), mask).item() == pytest.approx(loss(logits, teacher, mask).item(), rel=1e-5)


def test_by_hand():
    """
    Two sentences, of two words and of one: p = (3/4, 1/4), (1/2, 1/2); (1, 0) and q = (1/2, 1/2), (1/2, 1/2); (1/4, 3/4).
    """
    logits = torch.tensor([[[0.0, 0.0], [5.0, 5.0]], [[0.0, math.log(3)], [9.0, 0.0]]], dtype=torch.float64)
    teacher = torch.tensor([[[0.75, 0.25], [0.5, 0.5]], [[1.0, 0.0], [0.0, 0.0]]], dtype=torch.float64)
    mask = torch.tensor([[True, True], [True, False]])
    errors = [1 / 16, 0, 9 / 16]
    assert MseLoss()(logits, teacher, mask).item() == pytest.approx((errors[0] / 2 + errors[2]) / 2)
    assert MseLoss("words")(logits, teacher, mask).item() == pytest.approx(sum(errors) / 3)
    hard = [math.log(2), math.log(2), math.log(4)]
    assert HardLabelLoss("words")(logits, teacher, mask).item() == pytest.approx(sum(hard) / 3)


def test_losses_are_built_by_name():
    built = {
        name: DistillationLoss.from_params(Params({"type": name, "average": "words"}))
        for name in ("mse", "kl", "soft_cross_entropy", "hard_labels")
    }
    assert [type(loss) for loss in built.values()] == [MseLoss, KlLoss, SoftCrossEntropyLoss, HardLabelLoss]
    assert all(loss.average == "words" for loss in built.values())
    assert sorted(DistillationLoss.list_available()) == sorted(built)
    assert type(DistillationLoss.from_params(Params({}))) is MseLoss
    kl = DistillationLoss.from_params(Params({"type": "kl", "temperature": 2.0}))
    assert isinstance(kl, KlLoss) and (kl.temperature, kl.average) == (2.0, "sentences")
    assert not any(loss.state_dict() for loss in built.values())


def test_invalid_options_are_refused():
    with pytest.raises(ConfigurationError, match="'average'.*'tokens'.*sentences, words"):
        MseLoss(average="tokens")
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(ConfigurationError, match="'temperature'.*above 0"):
            KlLoss(temperature=temperature)
    logits, teacher = batch()
    with pytest.raises(ConfigurationError, match=r"\(4, 5, 4\).*\(4, 5, 3\).*vocabulary of the teacher"):
        MseLoss()(logits, teacher[:, :, :3], MASK)
