"""Which embedders count as contextual."""

import copy

import torch
from allennlp.common import Params
from allennlp.data import Vocabulary
from allennlp.modules import TextFieldEmbedder, TokenEmbedder
from allennlp.modules.token_embedders import BagOfWordCountsTokenEmbedder
from conftest import TINY_ENCODER

from lowresource_ner.modules.contextual import contextual_embedders

PER_WORD = {
    "words": {"type": "word_vectors", "embedding_dim": 4},
    "characters": {"type": "character_cnn"},
    "plain": {"type": "embedding", "embedding_dim": 3, "num_embeddings": 5},
    "theirs": {
        "type": "character_encoding",
        "embedding": {"embedding_dim": 3, "num_embeddings": 5},
        "encoder": {"type": "cnn", "embedding_dim": 3, "num_filters": 2, "ngram_filter_sizes": [2]},
    },
}


def names(**token_embedders) -> list:
    params = Params({"type": "basic", "token_embedders": copy.deepcopy(token_embedders)})
    return contextual_embedders(TextFieldEmbedder.from_params(params, vocab=Vocabulary()))


class Silent(TokenEmbedder):
    """Does not say whether it looks at neighbours."""


class Outspoken(TokenEmbedder):
    contextual = False


def test_per_word_embedders_are_not_contextual() -> None:
    assert names(**PER_WORD) == []


def test_a_transformer_is_contextual() -> None:
    transformer = {"type": "subword_transformer", "model_name": str(TINY_ENCODER)}
    assert names(**PER_WORD, encoder=transformer) == ["SubwordTransformer"]


def test_unknown_embedders_count_as_contextual() -> None:
    assert contextual_embedders(torch.nn.ModuleList([Silent(), Silent()])) == ["Silent"]
    assert contextual_embedders(torch.nn.ModuleList([Outspoken()])) == []
    assert contextual_embedders(torch.nn.Linear(1, 1)) == []


def test_counts_of_a_sentences_words_see_all_of_them() -> None:
    assert contextual_embedders(BagOfWordCountsTokenEmbedder(Vocabulary())) == ["BagOfWordCountsTokenEmbedder"]
