"""The indexer's tensors, by hand and against the tokenizer of transformers."""

import copy
import pickle
from pathlib import Path

import pytest
import torch
from allennlp.common import Params
from allennlp.data import Batch, Instance, Token, TokenIndexer, Vocabulary
from allennlp.data.fields import TextField
from allennlp.nn.util import get_text_field_mask
from transformers import AutoTokenizer

from lowresource_ner.data.token_indexers.subwords import EncodedWords, SubwordIndexer, encode_words
from lowresource_ner.encoding.subword_tokenizer import Subwords

TINY = str(Path(__file__).resolve().parents[3] / "fixtures" / "encoders" / "tiny")
FAST = AutoTokenizer.from_pretrained(TINY)
SENTENCES = [["Lionel", "Messi", "nació", "en", "Rosario", "."], ["Zürichsee"], ["\ufe0f", "\x00", "Wien"]]


@pytest.fixture(scope="module")
def indexer():
    return SubwordIndexer(TINY)


def pieces(*tokens):
    return FAST.convert_tokens_to_ids(list(tokens))


def truth(words):
    """Ids and starts from the tokenizer's own words, for words that leave sub-words."""
    encoding = FAST(words, is_split_into_words=True, add_special_tokens=False)
    word_ids = encoding.word_ids()
    return encoding.input_ids, [word_ids.index(word) for word in range(len(words))]


def test_padded_tensors_by_hand(indexer):
    sentences = [["Messi", "Parises"], ["Wien"]]
    fields = [TextField([Token(word) for word in words], {"subwords": indexer}) for words in sentences]
    batch = Batch([Instance({"tokens": field}) for field in fields])
    batch.index_instances(Vocabulary())
    tensors = batch.as_tensor_dict()["tokens"]["subwords"]
    paris, *endings = FAST.tokenize("Parises")
    num_subwords = 2 + len(endings)
    assert paris == "Paris" and endings
    assert {key: value.tolist() for key, value in tensors.items()} == {
        "token_ids": [pieces("Messi", "Paris", *endings), pieces("Wien") + [FAST.pad_token_id] * (num_subwords - 1)],
        "subword_mask": [[True] * num_subwords, [True] + [False] * (num_subwords - 1)],
        "word_starts": [[0, 1], [0, 0]],
        "mask": [[True, True], [True, False]],
    }
    assert {key: value.dtype for key, value in tensors.items()} == {
        "token_ids": torch.long,
        "subword_mask": torch.bool,
        "word_starts": torch.long,
        "mask": torch.bool,
    }


@pytest.mark.parametrize("sentences", [SENTENCES, SENTENCES[::-1]])
def test_a_padded_batch_holds_each_sentence_and_nothing_else(indexer, sentences):
    fields = [TextField(words, {"subwords": indexer}) for words in encode_words(sentences, {"subwords": indexer})]
    batch = Batch([Instance({"tokens": field}) for field in fields])
    batch.index_instances(Vocabulary())
    text_field = batch.as_tensor_dict()["tokens"]
    tensors = text_field["subwords"]
    for row, words in enumerate(sentences):
        ids, starts = truth(words) if words[-1] != "Wien" else (pieces("[UNK]", "[UNK]", "Wien"), [0, 1, 2])
        assert tensors["token_ids"][row][tensors["subword_mask"][row]].tolist() == ids
        assert tensors["word_starts"][row][tensors["mask"][row]].tolist() == starts
        assert not tensors["token_ids"][row][~tensors["subword_mask"][row]].any()
    assert get_text_field_mask(text_field).sum(dim=1).tolist() == [len(words) for words in sentences]


def test_the_padding_id_is_the_tokenizers(tmp_path):
    for path in Path(TINY).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tokenizer = AutoTokenizer.from_pretrained(TINY, pad_token="[MASK]")
    tokenizer.save_pretrained(tmp_path)
    indexer = SubwordIndexer(str(tmp_path))
    indexed = indexer.tokens_to_indices([Token("Wien")], Vocabulary())
    padded = indexer.as_padded_tensor_dict(indexed, {"token_ids": 3, "subword_mask": 3, "word_starts": 1, "mask": 1})
    assert padded["token_ids"].tolist() == pieces("Wien", "[MASK]", "[MASK]")


def test_words_encoded_in_a_batch_are_indexed_as_words_encoded_alone(indexer):
    for words, encoded in zip(SENTENCES, encode_words(SENTENCES, {"subwords": indexer})):
        alone = indexer.tokens_to_indices([Token(word) for word in words], Vocabulary())
        assert indexer.tokens_to_indices(encoded, Vocabulary()) == alone
        assert len(alone["token_ids"]) == len(alone["subword_mask"])


def test_what_the_reader_computed_is_taken_and_only_by_the_indexer_of_that_encoder(indexer):
    words = EncodedWords([Token("Wien")])
    words.subwords[TINY] = Subwords([7, 8], [0])
    assert indexer.tokens_to_indices(words, Vocabulary())["token_ids"] == [7, 8]
    words.subwords = {"another encoder": Subwords([7, 8], [0])}
    assert indexer.tokens_to_indices(words, Vocabulary())["token_ids"] == pieces("Wien")


@pytest.mark.parametrize("copied", [lambda words: pickle.loads(pickle.dumps(words)), copy.deepcopy, copy.copy])
def test_encoded_words_survive_pickling(indexer, copied):
    words = encode_words([["Lionel", "Messi"]], {"subwords": indexer})[0]
    words.subwords[TINY] = words.subwords[TINY]._replace(ids=[5, 6, 7])  # ids that nobody would compute again
    result = copied(words)
    assert type(result) is EncodedWords
    assert [token.text for token in result] == ["Lionel", "Messi"]
    assert indexer.tokens_to_indices(result, Vocabulary())["token_ids"] == [5, 6, 7]
    assert isinstance(result.subwords[TINY], Subwords)


def test_a_pickled_text_field_is_indexed_the_same(indexer):
    words = encode_words(SENTENCES, {"subwords": indexer})[0]
    field = TextField(words, {"subwords": indexer})
    again = pickle.loads(pickle.dumps(field))
    for one in (field, again):
        one.index(Vocabulary())
    tensors, expected = (one.as_tensor(one.get_padding_lengths())["subwords"] for one in (again, field))
    assert {key: value.tolist() for key, value in tensors.items()} == {
        key: value.tolist() for key, value in expected.items()
    }


def test_it_is_registered_and_counts_no_vocabulary(indexer):
    built = TokenIndexer.from_params(Params({"type": "subwords", "model_name": TINY}))
    assert built == indexer
    counter = {}
    built.count_vocab_items(Token("Wien"), counter)
    assert counter == {}
