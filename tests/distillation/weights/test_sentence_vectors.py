"""Sentence vectors, against transformers' own forward of one sentence at a time."""

from pathlib import Path
from typing import Any, List

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, TINY_ENCODER, conll_blocks
from transformers import AutoModel, AutoTokenizer, BertConfig, BertForPreTraining, RobertaConfig, RobertaModel

from lowresource_ner.distillation import SentenceEncoder
from lowresource_ner.encoding import encoder_files
from lowresource_ner.encoding.encoder_files import encoder_source


def sentences() -> List[List[str]]:
    blocks = conll_blocks(CORPORA / "de" / "test.conll")[:12]
    return [*([line[0] for line in block] for block in blocks), ["Wien"], ["[SEP]", "und", "Wien"]]


def saved(folder: Path, model: Any) -> str:
    """A folder with a model's weights, its pooler among them, and the tokenizer of the tests."""
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(TINY_ENCODER).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def with_pooler(tmp_path) -> str:
    """As the files of mBERT are: from its pretraining, with the heads of that."""
    torch.manual_seed(3)
    return saved(tmp_path / "bert", BertForPreTraining(BertConfig.from_pretrained(TINY_ENCODER, initializer_range=0.3)))


@pytest.fixture
def roberta_with_pooler(tmp_path) -> str:
    """The files of XLM-R are like that: a pooler that no pretraining has trained."""
    torch.manual_seed(3)
    config = RobertaConfig(
        vocab_size=2000,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=131,
        pad_token_id=0,
        initializer_range=0.3,
    )
    return saved(tmp_path / "roberta", RobertaModel(config))


def means_of_words(model_name: Any, words: List[List[str]]) -> numpy.ndarray:
    tokenizer, model = AutoTokenizer.from_pretrained(model_name), AutoModel.from_pretrained(model_name).eval()
    rows = []
    for sentence in words:
        batch = tokenizer(sentence, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state[0]
        starts = [batch.word_ids().index(number) for number in range(len(sentence))]
        rows.append(hidden[starts].mean(dim=0).numpy())
    return numpy.stack(rows)


def pooled(model_name: str, words: List[List[str]]) -> numpy.ndarray:
    tokenizer, model = AutoTokenizer.from_pretrained(model_name), AutoModel.from_pretrained(model_name).eval()
    batches = [tokenizer(sentence, is_split_into_words=True, return_tensors="pt") for sentence in words]
    with torch.no_grad():
        return numpy.concatenate([model(**batch).pooler_output.numpy() for batch in batches])


def close(vectors: numpy.ndarray, expected: numpy.ndarray) -> None:
    assert vectors.dtype == numpy.float32
    assert numpy.abs(expected[0] - expected[1]).max() > 1e-2
    numpy.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", ["auto", "mean"])
def test_the_mean_over_the_words(pooling) -> None:
    """Which is "auto" here: the tiny encoder's files hold no pooler, and random weights are no vector."""
    words = sentences()[:-1]
    vectors = SentenceEncoder(str(TINY_ENCODER), pooling).encode([*words, []])
    close(vectors[:-1], means_of_words(TINY_ENCODER, words))
    assert not vectors[-1].any(), "a sentence without words"


def test_the_encoder_in_the_box_is_read_by_its_words() -> None:
    """It was pretrained on words alone, and its files hold no pooler."""
    words = sentences()[:3]
    close(
        SentenceEncoder("multilingual-mini").encode(words), means_of_words(encoder_source("multilingual-mini"), words)
    )


@pytest.mark.parametrize("pooling", ["auto", "pooler"])
def test_the_pooler(with_pooler, pooling) -> None:
    words = sentences()[:-1]
    close(SentenceEncoder(with_pooler, pooling).encode(words), pooled(with_pooler, words))


def test_a_pooler_that_was_never_trained_is_taken_on_request_alone(roberta_with_pooler) -> None:
    words = sentences()[:-1]
    close(SentenceEncoder(roberta_with_pooler).encode(words), means_of_words(roberta_with_pooler, words))
    close(SentenceEncoder(roberta_with_pooler, "pooler").encode(words), pooled(roberta_with_pooler, words))


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_batches_and_padding_change_nothing(with_pooler, pooling) -> None:
    words = sentences()
    encoder = SentenceEncoder(with_pooler, pooling)
    alone = numpy.concatenate([encoder.encode([sentence]) for sentence in words])
    for batch_size in (64, 4096):
        vectors = SentenceEncoder(with_pooler, pooling, batch_size=batch_size).encode(words)
        numpy.testing.assert_allclose(vectors, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling, counts", [("mean", True), ("pooler", False)])
def test_whether_the_end_of_a_long_sentence_counts(with_pooler, pooling, counts) -> None:
    """All words are in the mean; the pooler sees the first window."""
    encoder = SentenceEncoder(with_pooler, pooling, max_length=20)
    long, other = encoder.encode([["Wien"] * 300, ["Wien"] * 299 + ["Oslo"]])
    assert (numpy.abs(long - other).max() > 1e-5) == counts
    # Windows of one word's repetition: what is read in them is what is read in a short sentence.
    if pooling == "pooler":
        numpy.testing.assert_allclose(long, encoder.encode([["Wien"] * 18])[0], rtol=0, atol=1e-5)


def test_special_tokens_in_a_text_are_text() -> None:
    text, marker = SentenceEncoder(str(TINY_ENCODER)).encode([["[SEP]", "und"], ["[UNK]", "und"]])
    model, tokenizer = AutoModel.from_pretrained(TINY_ENCODER).eval(), AutoTokenizer.from_pretrained(TINY_ENCODER)
    parts = [tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"]), tokenizer.convert_tokens_to_ids(["und", "[SEP]"])]
    with torch.no_grad():
        hidden = model(input_ids=torch.tensor([[*parts[0], *parts[1]]])).last_hidden_state[0]
    as_separator = hidden[[1, 2]].mean(dim=0).numpy()
    assert numpy.abs(text - as_separator).max() > 1e-3 and numpy.abs(marker - text).max() > 1e-3


def test_making_one_reads_no_file_and_what_is_wrong_is_said_when_it_is_used() -> None:
    encoder = SentenceEncoder("no/such-encoder")
    with pytest.raises(ConfigurationError, match="encoder 'no/such-encoder' cannot be read"):
        encoder.encode([["Wien"]])
    with pytest.raises(ConfigurationError, match="'pooling' is 'cls'; it is one of auto, pooler, mean"):
        SentenceEncoder(str(TINY_ENCODER), "cls")
    with pytest.raises(ConfigurationError, match="contain no pooler. Use 'mean'"):
        SentenceEncoder(str(TINY_ENCODER), "pooler").encode([["Wien"]])


def test_loading_draws_on_no_random_numbers(with_pooler) -> None:
    for pooling in ("mean", "pooler"):
        torch.manual_seed(3)
        expected = torch.rand(1)
        torch.manual_seed(3)
        SentenceEncoder(with_pooler, pooling).encode([["Wien"]])
        assert torch.equal(torch.rand(1), expected)


def test_the_encoder_of_an_archive_is_read_by_its_words(teacher) -> None:
    """It has trained weights of its own, and no pooler."""
    words = [["Wien", "und", "Oslo"]]
    (trained,), (pretrained,) = (SentenceEncoder(str(name)).encode(words) for name in (teacher, TINY_ENCODER))
    assert numpy.abs(trained - pretrained).max() > 1e-3
    with pytest.raises(ConfigurationError, match="contain no pooler"):
        SentenceEncoder(str(teacher), "pooler").encode(words)


def test_it_is_made_from_a_config() -> None:
    made = SentenceEncoder.from_params(Params({"model_name": str(TINY_ENCODER), "pooling": "mean", "max_length": 16}))
    words = sentences()
    direct = SentenceEncoder(str(TINY_ENCODER), "mean", 16)
    numpy.testing.assert_allclose(made.encode(words), direct.encode(words), rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_an_encoder_is_loaded_and_tried_once(with_pooler, pooling, monkeypatch) -> None:
    calls = []
    for name in ("load_tokenizer", "load_model", "check_encoder"):
        original = getattr(encoder_files, name)
        monkeypatch.setattr(
            encoder_files,
            name,
            lambda *given, name=name, original=original, **options: calls.append(name) or original(*given, **options),
        )
    encoder = SentenceEncoder(with_pooler, pooling)
    for _ in range(2):
        encoder.encode(sentences())
    assert calls == ["load_tokenizer", "load_model", "check_encoder"]
