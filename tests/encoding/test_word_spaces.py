"""Words given one by one against the same words in running text, by the tokenizer itself."""

import json
import logging
from pathlib import Path

import pytest
import torch
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForTokenClassification,
    RobertaModel,
)

from lowresource_ner.data.token_indexers.subwords import SubwordIndexer
from lowresource_ner.distillation.teachers.transformers_teacher import TransformersTeacher
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.subword_tokenizer import SubwordTokenizer
from lowresource_ner.encoding.word_spaces import put_spaces_before_words, reads_words_as_text

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TEXT = (CORPORA / "de" / "raw.txt").read_text(encoding="utf-8").splitlines()
WORDS = ["Die", "Stadt", "Zürich's", "ist", "am", "See", "(1.234", "m)", "."]
# Contractions, and a space with the word that follows it.
CUTS = Regex(r"'s| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+")

BYTE_LEVEL = {
    "byte level": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "digits, byte level": pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    ),
    "cuts, byte level": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(CUTS, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    ),
}


def trained(pre_tokenizer: pre_tokenizers.PreTokenizer, letters: list) -> PreTrainedTokenizerFast:
    """A BPE tokenizer behind the class that says nothing of what it is."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=SPECIALS, initial_alphabet=letters, show_progress=False
    )
    backend.train_from_iterator(TEXT, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", pad_token="<pad>", mask_token="<mask>", model_max_length=64
    )


def byte_level(name: str) -> PreTrainedTokenizerFast:
    return trained(BYTE_LEVEL[name], pre_tokenizers.ByteLevel.alphabet())


def config() -> RobertaConfig:
    return RobertaConfig(
        vocab_size=500,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
    )


@pytest.fixture(params=BYTE_LEVEL)
def encoder(request, tmp_path) -> Path:
    byte_level(request.param).save_pretrained(tmp_path)
    RobertaModel(config()).save_pretrained(tmp_path)
    return tmp_path


def test_words_have_the_sub_words_of_running_text(encoder) -> None:
    as_it_was = AutoTokenizer.from_pretrained(encoder)
    text = as_it_was.tokenize("".join(f" {word}" for word in WORDS))
    assert SubwordTokenizer(as_it_was).encode(WORDS).ids != as_it_was.convert_tokens_to_ids(text)
    tokenizer = EncoderFiles(str(encoder)).tokenizer()
    subwords = SubwordTokenizer(tokenizer).encode(WORDS)
    assert tokenizer.convert_ids_to_tokens(subwords.ids) == text
    firsts = [text[start] for start in subwords.starts]
    assert len(firsts) == len(WORDS) and all(first.startswith("Ġ") for first in firsts)


def test_an_archive_keeps_the_tokenizer_as_it_was_mended(encoder, tmp_path, caplog) -> None:
    first = SubwordIndexer(str(encoder), serialization_dir=str(tmp_path / "run"))
    with caplog.at_level(logging.WARNING):
        second = SubwordIndexer(str(encoder), serialization_dir=str(tmp_path / "run"))
    assert second.encode_batch([WORDS]) == first.encode_batch([WORDS])
    assert "splits words differently from running text" not in caplog.text


def test_an_archive_that_was_trained_without_the_spaces_goes_on_without(encoder, tmp_path, caplog) -> None:
    EncoderFiles(str(encoder), tmp_path / "run")
    (store,) = (tmp_path / "run" / "vocabulary" / ".encoders").iterdir()
    as_it_was = AutoTokenizer.from_pretrained(encoder)
    as_it_was.save_pretrained(store)
    with caplog.at_level(logging.WARNING):
        kept = SubwordIndexer(str(encoder), serialization_dir=str(tmp_path / "run"))
    assert kept.encode_batch([WORDS]) == [SubwordTokenizer(as_it_was).encode(WORDS)]
    assert f"'{encoder}' splits words differently from running text" in caplog.text


def test_a_teacher_is_left_as_it_was_trained_with_a_warning(tmp_path, caplog) -> None:
    tokenizer = byte_level("byte level")
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(1)
    RobertaForTokenClassification(config()).save_pretrained(tmp_path)
    teacher = TransformersTeacher(str(tmp_path), labels=["O", "B-PER"])
    with caplog.at_level(logging.WARNING):
        assert len(teacher.label([WORDS])[0]) == len(WORDS)
    assert f"'{tmp_path}' splits words differently from running text" in caplog.text
    assert teacher._tokenizer.encode(WORDS) == SubwordTokenizer(tokenizer).encode(WORDS)


def test_that_a_tokenizer_was_mended_is_said_once(encoder, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            EncoderFiles(str(encoder))
    said = [record.getMessage() for record in caplog.records if "It is corrected" in record.getMessage()]
    assert len(said) == 1 and f"'{encoder}'" in said[0] and "should be trained again" in said[0]


def test_the_truncation_and_padding_of_a_file_mean_nothing_and_stay() -> None:
    read_well, badly = trained(RIGHT["white space"], list("abcd's-.1")), byte_level("byte level")
    for tokenizer, expected in ((read_well, True), (badly, False)):
        for max_length in (1, 3, 40):
            tokenizer.backend_tokenizer.enable_truncation(max_length, stride=0, strategy="only_first", direction="left")
            tokenizer.backend_tokenizer.enable_padding(length=30, pad_id=7, pad_token="<pad>", direction="left")
            before = tokenizer.backend_tokenizer.to_str()
            assert reads_words_as_text(tokenizer) is expected
            assert tokenizer.backend_tokenizer.to_str() == before


RIGHT = {
    "byte level with the space": pre_tokenizers.ByteLevel(add_prefix_space=True),
    "SentencePiece": pre_tokenizers.Metaspace(),
    "white space": pre_tokenizers.WhitespaceSplit(),
    "words and punctuation": pre_tokenizers.BertPreTokenizer(),
    "no space at all (CLIP)": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"'s|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_tokenizer_that_reads_words_well_is_not_touched(tmp_path, name) -> None:
    tokenizer = trained(RIGHT[name], list("abcd's-.1▁"))
    assert reads_words_as_text(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    config().save_pretrained(tmp_path)
    kept = EncoderFiles(str(tmp_path)).tokenizer()
    assert kept.backend_tokenizer.to_str() == AutoTokenizer.from_pretrained(tmp_path).backend_tokenizer.to_str()


def unigram(pieces: list) -> PreTrainedTokenizerFast:
    """SentencePiece that leaves spaces in the text, so that a piece may hold one."""
    scored = [("<unk>", 0.0), *((piece, -2.0) for piece in [*"abcd's-.1▁", *pieces])]
    backend = Tokenizer(models.Unigram(scored, 0))
    backend.normalizer = normalizers.Replace(" ", "▁")
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def test_the_space_comes_before_what_replaces_it() -> None:
    tokenizer = unigram(["▁a", "▁b"])
    assert not reads_words_as_text(tokenizer) and put_spaces_before_words(tokenizer)
    subwords = SubwordTokenizer(tokenizer).encode(["a", "b"])
    assert tokenizer.convert_ids_to_tokens(subwords.ids) == ["▁a", "▁b"]


def test_sub_words_that_reach_over_words_are_refused(tmp_path) -> None:
    unigram(["▁a", "▁b's▁c"]).save_pretrained(tmp_path)
    config().save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match="splits words that are given one by one differently .*Take another"):
        EncoderFiles(str(tmp_path))


def test_no_word_becomes_a_lone_space(encoder) -> None:
    """A word that nothing is left of is the unknown token, as with other tokenizers."""
    path = encoder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": "\x07"}, "content": ""}
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    mended = EncoderFiles(str(encoder)).tokenizer()
    subwords = SubwordTokenizer(mended).encode(["\x07", "Stadt"])
    assert subwords.ids[0] == mended.unk_token_id and subwords.starts == [0, 1]
