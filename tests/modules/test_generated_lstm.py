"""`GeneratedLstm` against `torch.nn.LSTM` with the same weights."""

from collections import Counter

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.profiler import ProfilerActivity, profile

from lowresource_ner.modules.generated_lstm import GeneratedLstm

INPUT, HIDDEN = 5, 4
BATCHES = {"ragged": [7, 1, 12, 3, 1, 12], "one-row": [5], "one-word": [1], "words": [1, 1, 1], "equal": [4, 4]}
PRECISIONS = {"double": (torch.float64, 1e-12), "float": (torch.float32, 1e-5)}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

batches = pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
precisions = pytest.mark.parametrize("dtype, tolerance", PRECISIONS.values(), ids=PRECISIONS)


def mask_of(lengths):
    return torch.tensor([[word < length for word in range(max(lengths))] for length in lengths])


def inputs_of(lengths, dtype=torch.float64, seed=0):
    """The padding has random values, which must not matter."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(lengths), max(lengths), INPUT, generator=generator, dtype=torch.float64).to(dtype)


def random_theta(lstm, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(lstm.num_parameters, generator=generator, dtype=torch.float64).to(dtype)


def reference(num_layers, bidirectional, dtype, seed):
    """Torch's LSTM with large weights, so that its gates vary."""
    torch.manual_seed(seed)
    lstm = torch.nn.LSTM(INPUT, HIDDEN, num_layers, batch_first=True, bidirectional=bidirectional).to(dtype)
    for weight in lstm.parameters():
        weight.data.normal_()
    return lstm


def weights_of(lstm, suffix=""):
    """One direction's weights, layer by layer, by their names in torch."""
    return [getattr(lstm, f"{name}_l{layer}{suffix}") for layer in range(lstm.num_layers) for name in NAMES]


def run_packed(lstm, inputs, lengths):
    packed = pack_padded_sequence(inputs, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=inputs.size(1))[0]


def expect_the_same(lstm, lengths, run, weights, dtype, tolerance):
    """States, and the gradients by the inputs and by every weight."""
    inputs, mask = inputs_of(lengths, dtype).requires_grad_(), mask_of(lengths)
    upstream = torch.randn(*mask.shape, 2 * HIDDEN, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    expected = run(inputs)
    wanted = torch.autograd.grad((expected * upstream.to(dtype)).sum(), [inputs, *weights])
    theta = torch.cat([weight.detach().flatten() for weight in weights]).requires_grad_()
    states = lstm(inputs, mask, theta)
    found = torch.autograd.grad((states * upstream.to(dtype)).sum(), [inputs, theta])
    assert states.dtype == dtype and states.shape == (*mask.shape, lstm.get_output_dim())
    assert states[~mask].eq(0).all() and found[0][~mask].eq(0).all()
    torch.testing.assert_close(states, expected, rtol=0, atol=tolerance)
    for ours, theirs in ((found[0], wanted[0]), (found[1], torch.cat([each.flatten() for each in wanted[1:]]))):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * max(1.0, float(theirs.abs().max())))


@batches
@precisions
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_torchs_bidirectional_lstm_on_packed_sequences(num_layers, lengths, dtype, tolerance):
    theirs = reference(num_layers, bidirectional=True, dtype=dtype, seed=1)
    ours = GeneratedLstm(INPUT, HIDDEN, num_layers, separate_directions=False)
    weights = weights_of(theirs) + weights_of(theirs, "_reverse")
    expect_the_same(ours, lengths, lambda inputs: run_packed(theirs, inputs, lengths), weights, dtype, tolerance)


@batches
@precisions
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_two_stacks_of_torchs_unidirectional_lstm(num_layers, lengths, dtype, tolerance):
    """Each sentence by itself, the backward stack over the sentence turned round."""
    forward, backward = (reference(num_layers, bidirectional=False, dtype=dtype, seed=seed) for seed in (1, 2))

    def run(inputs):
        rows = []
        for row, length in zip(inputs, lengths):
            sentence = row[:length].unsqueeze(0)
            states = torch.cat([forward(sentence)[0], backward(sentence.flip(1))[0].flip(1)], dim=2)[0]
            rows.append(torch.nn.functional.pad(states, (0, 0, 0, len(row) - length)))
        return torch.stack(rows)

    ours = GeneratedLstm(INPUT, HIDDEN, num_layers)
    expect_the_same(ours, lengths, run, weights_of(forward) + weights_of(backward), dtype, tolerance)


@precisions
def test_with_one_layer_separate_directions_change_nothing(dtype, tolerance):
    lengths = BATCHES["ragged"]
    separate, joint = (GeneratedLstm(INPUT, HIDDEN, 1, separate_directions=each) for each in (True, False))
    arguments = inputs_of(lengths, dtype), mask_of(lengths), random_theta(separate, dtype)
    assert separate(*arguments).equal(joint(*arguments))
    assert separate.directions_are_separate and joint.directions_are_separate


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("word", [0, 3, 6])
def test_no_direction_sees_beyond_its_word(word, num_layers, dtype):
    """Bit for bit: a language model may read these states."""
    lengths = [7, 4, 7]
    lstm = GeneratedLstm(INPUT, HIDDEN, num_layers)
    theta, mask, inputs = random_theta(lstm, dtype), mask_of(lengths), inputs_of(lengths, dtype)
    changed = inputs.clone()
    changed[0, word] += 1
    before, after = lstm(inputs, mask, theta), lstm(changed, mask, theta)
    same = before.eq(after)[0].unflatten(1, (2, HIDDEN)).all(dim=2)  # (num_words, 2)
    assert same[:, 0].tolist() == [position < word for position in range(7)]
    assert same[:, 1].tolist() == [position > word for position in range(7)]
    assert before[1:].equal(after[1:])


def test_joint_directions_see_beyond_their_word():
    """So the test above can fail."""
    lstm = GeneratedLstm(INPUT, HIDDEN, 2, separate_directions=False)
    assert not lstm.directions_are_separate
    theta, mask, inputs = random_theta(lstm), mask_of([7]), inputs_of([7])
    changed = inputs.clone()
    changed[0, 3] += 1
    assert not lstm(inputs, mask, theta).eq(lstm(changed, mask, theta)).any()


@pytest.mark.parametrize("separate", [True, False])
def test_padding_does_not_matter(separate):
    lstm = GeneratedLstm(INPUT, HIDDEN, 2, separate_directions=separate)
    lengths = [3, 8, 1]
    theta, mask, inputs = random_theta(lstm), mask_of(lengths), inputs_of(lengths)
    states = lstm(inputs, mask, theta)
    filled = lstm(torch.where(mask.unsqueeze(2), inputs, 1e6), mask, theta)
    assert filled.equal(states) and filled[~mask].eq(0).all() and filled[mask].ne(0).all()
    wider = lstm(torch.nn.functional.pad(inputs, (0, 0, 0, 5)), torch.nn.functional.pad(mask, (0, 5)), theta)
    torch.testing.assert_close(wider[:, :8], states, rtol=0, atol=1e-12)
    assert wider[:, 8:].eq(0).all()


@pytest.mark.parametrize(
    "input_size, hidden_size, num_layers, separate, expected",
    [
        # Jia et al. (2019) as released, with vectors of 50 numbers and 50 filters.
        (100, 100, 1, True, 161_600),
        # 4 · (3·2 + 2·2 + 2 + 2) a direction.
        (3, 2, 1, False, 112),
        # A second layer over 2 numbers a direction: 4 · (2·2 + 2·2 + 2 + 2); over both directions' 4: 4 · (4·2 + 2·2 + 2 + 2).
        (3, 2, 2, True, 112 + 96),
        (3, 2, 2, False, 112 + 128),
        (3, 2, 3, False, 112 + 128 + 128),
    ],
)
def test_the_number_of_parameters(input_size, hidden_size, num_layers, separate, expected):
    lstm = GeneratedLstm(input_size, hidden_size, num_layers, separate_directions=separate)
    assert lstm.num_parameters == expected
    assert list(lstm.parameters()) == []
    assert (lstm.get_input_dim(), lstm.get_output_dim(), lstm.is_bidirectional()) == (input_size, 2 * hidden_size, True)
    directions = lstm.weights(torch.arange(expected, dtype=torch.float64))
    # θ in its order and all of it: the forward direction, then the backward one.
    assert torch.cat([weight.flatten() for weights in directions for weight in weights]).tolist() == list(
        range(expected)
    )
    assert [weight.shape for weight in directions[0]] == [weight.shape for weight in directions[1]]
    if num_layers == 1 or not separate:
        theirs = torch.nn.LSTM(input_size, hidden_size, num_layers, bidirectional=True)
        assert [weight.shape for weight in directions[0]] == [weight.shape for weight in weights_of(theirs)]


@pytest.mark.parametrize("separate, num_layers, calls", [(True, 1, 2), (True, 3, 2), (False, 1, 2), (False, 3, 6)])
def test_fused_kernels_and_no_loop_over_words(separate, num_layers, calls):
    lstm = GeneratedLstm(INPUT, HIDDEN, num_layers, separate_directions=separate)
    theta = random_theta(lstm, torch.float32).requires_grad_()

    def operations(num_words):
        inputs, mask = inputs_of([num_words, 2], torch.float32).requires_grad_(), mask_of([num_words, 2])
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            lstm(inputs, mask, theta).sum().backward()
        return Counter(event.name for event in profiled.events())

    operations(3)
    few, many = operations(3), operations(60)
    assert many == few
    assert many["aten::lstm"] == calls
    # A kernel for each direction of each layer, where torch has them.
    if torch.backends.mkldnn.is_available():
        assert many["aten::mkldnn_rnn_layer"] == many["aten::mkldnn_rnn_layer_backward"] == 2 * num_layers


@pytest.mark.parametrize("separate", [True, False])
def test_dropout_is_between_layers_and_in_training_only(separate):
    lengths = [6, 6]
    arguments = inputs_of(lengths), mask_of(lengths)
    for num_layers in (1, 2):
        lstm = GeneratedLstm(INPUT, HIDDEN, num_layers, dropout=0.5, separate_directions=separate)
        without = GeneratedLstm(INPUT, HIDDEN, num_layers, separate_directions=separate)
        theta = random_theta(lstm)
        expected = without(*arguments, theta)
        torch.manual_seed(4)
        first = lstm(*arguments, theta)
        assert first.equal(expected) == (num_layers == 1)
        torch.manual_seed(4)
        assert lstm(*arguments, theta).equal(first)
        assert lstm.eval()(*arguments, theta).equal(expected)


@pytest.mark.parametrize("separate", [True, False])
def test_dropout_leaves_the_mean_of_what_the_upper_layer_reads(separate):
    """With an upper layer that is nearly linear, the mean over many draws is the state without dropout."""
    lstm = GeneratedLstm(INPUT, HIDDEN, 2, dropout=0.3, separate_directions=separate)
    theta = random_theta(lstm)
    for weights in lstm.weights(theta):
        for weight in weights[4:]:
            weight *= 1e-3  # views of θ
    inputs, mask = inputs_of([3] * 2000, seed=2)[:1].expand(2000, -1, -1), mask_of([3] * 2000)
    torch.manual_seed(0)
    dropped, expected = lstm(inputs, mask, theta), lstm.eval()(inputs, mask, theta)
    assert dropped[0].ne(dropped[1]).any()
    deviation = (dropped.mean(dim=0) - expected[0]).abs() / dropped.std(dim=0) * 2000**0.5
    assert deviation.max() < 4


@pytest.mark.parametrize(
    "options",
    [{"hidden_size": 0}, {"num_layers": 0}, {"input_size": 0}, {"dropout": 1.0}, {"dropout": -0.1}],
    ids=lambda options: str(*options),
)
def test_invalid_sizes_are_refused(options):
    (name, value) = next(iter(options.items()))
    with pytest.raises(ConfigurationError, match=rf"'{name}' \({value}\)"):
        GeneratedLstm(**{"input_size": INPUT, "hidden_size": HIDDEN, **options})
