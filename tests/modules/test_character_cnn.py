"""The character CNN against torch's own convolution, run on each word by itself."""

import random

import pytest
import torch
from allennlp.data import Vocabulary

from lowresource_ner.modules.character_cnn import CharacterCnn

NUM_CHARACTERS = 12
BATCHES = {
    "ragged": [[5, 1, 9, 2], [1, 1], [3], [7, 4, 6]],
    "one-character": [[1]],
    "one-character-words": [[1, 1, 1], [1]],
    "one-long-word": [[23]],
    "a-sentence-without-words": [[2, 3], [], [4]],
}


def cnn_of(width=3, dtype=torch.float64, seed=0, **options):
    torch.manual_seed(seed)
    vocab = Vocabulary(tokens_to_add={"token_characters": [chr(ord("a") + n) for n in range(NUM_CHARACTERS - 2)]})
    return CharacterCnn(vocab, embedding_dim=5, num_filters=7, width=width, **options).to(dtype)


def batch_of(lengths, seed=0, num_words=0, num_characters=0):
    """(batch_size, num_words, num_characters) of words with these numbers of characters."""
    draw = random.Random(seed)
    words = [[[draw.randrange(1, NUM_CHARACTERS) for _ in range(length)] for length in row] for row in lengths]
    longest = max([num_characters, *(length for row in lengths for length in row)])
    most = max([num_words, *map(len, lengths)])
    rows = [[word + [0] * (longest - len(word)) for word in row] for row in words]
    return torch.tensor([row + [[0] * longest] * (most - len(row)) for row in rows])


def brute_force(cnn, characters, embedded_of=None):
    """Torch's `conv1d` on each word alone, and the maximum over the word's own positions."""
    if embedded_of is None:
        embedded_of = lambda row, word, ids: cnn.embedding.weight[ids]  # noqa: E731
    weight, bias = cnn._convolution.weight, cnn._convolution.bias
    output = torch.zeros(*characters.shape[:2], cnn.get_output_dim(), dtype=weight.dtype)
    for row in range(characters.size(0)):
        for word in range(characters.size(1)):
            ids = characters[row, word][characters[row, word] > 0]
            if len(ids):
                embedded = embedded_of(row, word, ids).t().unsqueeze(0)
                convolved = torch.nn.functional.conv1d(embedded, weight, bias, padding=weight.size(2) // 2)
                assert convolved.size(2) == len(ids)
                output[row, word] = convolved[0].max(dim=1).values
    return output


def with_gradients(output, cnn, seed=5):
    upstream = torch.randn(output.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    weights = [cnn.embedding.weight, cnn._convolution.weight, cnn._convolution.bias]
    return [output, *torch.autograd.grad((output * upstream.to(output.dtype)).sum(), weights)]


@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("width", [1, 3, 5, 9])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["double", "float"])
def test_the_same_as_each_word_by_itself(lengths, width, dtype, tolerance):
    cnn = cnn_of(width, dtype).eval()
    characters = batch_of(lengths)
    found, expected = with_gradients(cnn(characters), cnn), with_gradients(brute_force(cnn, characters), cnn)
    assert found[0].shape == (*characters.shape[:2], cnn.get_output_dim()) and found[0].dtype == dtype
    # Padding's embedding has no gradient, which torch knows where it looks ids up, and the brute force does not reach.
    assert found[1][0].eq(0).all()
    for ours, wanted in zip(found, expected):
        torch.testing.assert_close(ours, wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_a_word_does_not_depend_on_the_words_beside_it(width):
    cnn = cnn_of(width).eval()
    word = batch_of([[4]], seed=7)
    alone = cnn(word)[0, 0]
    # All values below 0, so that a maximum over padding, where a convolution of zeros gives the bias, would win.
    cnn._convolution.bias.data -= 100
    low = cnn(word)[0, 0]
    torch.testing.assert_close(low, alone - 100, rtol=0, atol=1e-12)
    for others in ([1], [30], [2, 9, 4], []):
        around = batch_of([others + [4] + others, others], seed=3, num_words=12, num_characters=40)
        around[0, len(others), :4] = word[0, 0]
        around[0, len(others), 4:] = 0
        torch.testing.assert_close(cnn(around)[0, len(others)], low, rtol=0, atol=1e-12)


def test_padding_words_are_zero():
    cnn = cnn_of().eval()
    characters = batch_of([[3, 2], [1]], num_words=6)
    found = cnn(characters)
    is_word = characters.gt(0).any(dim=2)
    assert is_word.sum() == 3 and found[~is_word].eq(0).all() and found[is_word].ne(0).all()


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1), (2, 0, 1), (2, 3, 0)])
def test_nothing_but_padding(shape):
    cnn = cnn_of()
    found = cnn(torch.zeros(shape, dtype=torch.long))
    assert found.shape == (*shape[:2], 7) and found.eq(0).all()
    found.sum().backward()


def test_ties():
    """Of equal values it does not matter which is taken: their gradients add up to the whole."""
    cnn = cnn_of().eval()
    # The inner characters have the same neighbours, so that each filter has one value at all of them.
    characters = torch.tensor([[[3] * 8, [4] * 8]])
    found, expected = with_gradients(cnn(characters), cnn), with_gradients(brute_force(cnn, characters), cnn)
    for ours, wanted in zip(found, expected):
        torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-12)
    # Filters of zeros: all positions of all words are equal to the bias.
    cnn._convolution.weight.data.zero_()
    characters = batch_of([[5, 1, 3]])
    found, expected = with_gradients(cnn(characters), cnn), with_gradients(brute_force(cnn, characters), cnn)
    torch.testing.assert_close(found[0], cnn._convolution.bias.expand(1, 3, -1), rtol=0, atol=0)
    torch.testing.assert_close(found[3], expected[3], rtol=0, atol=1e-12)


def test_dropout_is_on_the_characters_embeddings():
    cnn = cnn_of(dropout=0.4)
    characters = batch_of(BATCHES["ragged"])
    torch.manual_seed(9)
    found = cnn(characters)
    # The same draw, for all characters of the batch in their order.
    torch.manual_seed(9)
    ids = characters[characters > 0]
    dropped = iter(torch.nn.functional.dropout(cnn.embedding.weight[ids], 0.4).split(1))
    expected = brute_force(cnn, characters, lambda row, word, ids: torch.cat([next(dropped) for _ in ids]))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert not found.isclose(brute_force(cnn, characters)).any(dim=2).all()
    torch.testing.assert_close(cnn.eval()(characters), brute_force(cnn, characters), rtol=0, atol=1e-12)


def test_initialisation():
    """Embeddings U(±√(3/d)), filters as torch initialises a convolution."""
    torch.manual_seed(0)
    vocab = Vocabulary(tokens_to_add={"token_characters": [chr(number) for number in range(0x4E00, 0x4E00 + 998)]})
    cnn = CharacterCnn(vocab)
    table = cnn.embedding.weight
    assert table.shape == (1000, 30) and cnn.get_output_dim() == 50
    assert table[0].eq(0).all()
    bound = (3 / 30) ** 0.5
    assert 0.999 * bound < table.max() <= bound and table[1:].var().item() == pytest.approx(1 / 30, rel=0.02)
    assert cnn._convolution.weight.shape == (50, 30, 3) and cnn._convolution.weight.abs().max() <= (1 / 90) ** 0.5


@pytest.mark.parametrize("width", [2, 4])
def test_an_even_width(width):
    with pytest.raises(ValueError, match=f"'width' of character_cnn is {width}; it is odd"):
        cnn_of(width)
