"""Character ids: the same tensors as those of AllenNLP's `characters`."""

import warnings
from typing import List

import pytest
import torch
from allennlp.data import Batch, Instance, Token, TokenIndexer, Vocabulary
from allennlp.data.fields import TextField
from allennlp.data.token_indexers import TokenCharactersIndexer

from lowresource_ner.data import WordCharacterIndexer

SENTENCES = [
    ["Wangari", "Maathai", "was", "born", "in", "Nyeri", "."],
    ["-"],
    ["Dampfschifffahrtsgesellschaft", "ist", "ein", "Wort"],
    ["北", "京", "ñandú", "👩‍🚀", "e\u0301", "a b"],
    ["Zürich", "x"],
]
UNSEEN = [["Žilina", "Ω", "in"], ["."]]


def allennlps(**options) -> TokenCharactersIndexer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TokenCharactersIndexer(**options)


def instances(sentences: List[List[str]], indexer: TokenIndexer) -> List[Instance]:
    return [Instance({"tokens": TextField([Token(word) for word in words], {"c": indexer})}) for words in sentences]


def tensor(sentences: List[List[str]], indexer: TokenIndexer, vocab: Vocabulary) -> torch.Tensor:
    batch = Batch(instances(sentences, indexer))
    batch.index_instances(vocab)
    (found,) = batch.as_tensor_dict()["tokens"]["c"].items()
    assert found[0] == "token_characters"
    return found[1]


@pytest.fixture(scope="module")
def vocab() -> Vocabulary:
    return Vocabulary.from_instances(instances(SENTENCES, allennlps()))


def test_the_same_characters_are_counted(vocab) -> None:
    ours = Vocabulary.from_instances(instances(SENTENCES, WordCharacterIndexer()))
    assert ours.get_index_to_token_vocabulary("token_characters") == vocab.get_index_to_token_vocabulary(
        "token_characters"
    )
    assert ours.get_vocab_size("token_characters") == 2 + len(set("".join(word for s in SENTENCES for word in s)))
    elsewhere = Vocabulary.from_instances(instances(SENTENCES, WordCharacterIndexer("letters")))
    assert elsewhere.get_vocab_size("letters") == ours.get_vocab_size("token_characters")


@pytest.mark.parametrize(
    "sentences",
    [SENTENCES, SENTENCES[::-1], SENTENCES[:1], SENTENCES[1:2], UNSEEN, [*SENTENCES, [], *UNSEEN], [[], ["x"]]],
    ids=["all", "reversed", "one", "one-character", "unseen", "with-an-empty-sentence", "empty-first"],
)
def test_the_same_tensors(sentences: List[List[str]], vocab) -> None:
    ours, theirs = (tensor(sentences, indexer, vocab) for indexer in (WordCharacterIndexer(), allennlps()))
    assert ours.dtype == theirs.dtype == torch.int64
    assert ours.shape == theirs.shape and torch.equal(ours, theirs)


def test_a_least_number_of_words(vocab) -> None:
    options = {"token_min_padding_length": 9}
    ours, theirs = (
        tensor(SENTENCES[:2], indexer, vocab) for indexer in (WordCharacterIndexer(**options), allennlps(**options))
    )
    assert ours.shape == (2, 9, 7) and torch.equal(ours, theirs)


def test_by_hand() -> None:
    words = [["ab", "c"], ["bca"]]
    vocab = Vocabulary(tokens_to_add={"token_characters": ["a", "b", "c"]})
    assert tensor(words, WordCharacterIndexer(), vocab).tolist() == [
        [[2, 3, 0], [4, 0, 0]],
        [[3, 4, 2], [0, 0, 0]],
    ]


def test_nothing_but_empty_sentences(vocab) -> None:
    found = tensor([[], []], WordCharacterIndexer(), vocab)
    assert found.shape[:2] == (2, 0) and found.dtype == torch.int64


@pytest.mark.parametrize("zero_digits, expected", [(True, [2, 3, 3, 3]), (False, [2, 1, 4, 1])])
def test_digits(zero_digits: bool, expected: List[int]) -> None:
    vocab = Vocabulary(tokens_to_add={"token_characters": ["p", "0", "3"]})
    indexer = WordCharacterIndexer(zero_digits=zero_digits)
    assert tensor([["p53٣"]], indexer, vocab).tolist() == [[expected]]
    counted = Vocabulary.from_instances(instances([["p53٣"]], indexer)).get_token_to_index_vocabulary(
        "token_characters"
    )
    assert set(counted) - {"@@PADDING@@", "@@UNKNOWN@@"} == (set("p0") if zero_digits else set("p53٣"))
