"""Hugging Face models as teachers, against transformers' own forward of one sentence at a time."""

import functools
import json
import logging
import random
import shutil

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, TINY_ENCODER, conll_blocks
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    RobertaConfig,
    RobertaForTokenClassification,
    RobertaPreLayerNormConfig,
    RobertaPreLayerNormForTokenClassification,
    RobertaTokenizerFast,
)

import lowresource_ner.distillation.teachers.transformers_teacher as transformers_teacher
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.teachers.transformers_teacher import TransformersTeacher

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def saved(folder, names=LABELS, seed=1) -> str:
    torch.manual_seed(seed)
    model = AutoModelForTokenClassification.from_pretrained(
        TINY_ENCODER, num_labels=len(names), id2label=dict(enumerate(names)), initializer_range=0.5
    )
    torch.nn.init.normal_(model.classifier.weight, std=0.5)  # so that the answers are not all alike
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(TINY_ENCODER).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return saved(tmp_path_factory.mktemp("ner") / "model")


def sentences() -> list:
    blocks = conll_blocks(CORPORA / "de" / "test.conll") + conll_blocks(CORPORA / "sw" / "test.conll")
    return [[line[0] for line in block] for block in blocks[::4]]


@functools.lru_cache
def loaded(folder: str) -> PreTrainedModel:
    return AutoModelForTokenClassification.from_pretrained(folder).eval()


def of_transformers(folder: str, words: list) -> numpy.ndarray:
    """(num_words, num_labels): as the model's authors would compute it, by transformers alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    model = loaded(folder)
    encoding = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        probabilities = model(**encoding).logits[0].softmax(dim=-1).numpy()
    ids = encoding.word_ids()
    return numpy.stack([probabilities[ids.index(number)] for number in range(len(words))])


def check(answer, expected) -> None:
    assert answer.dtype == numpy.float32 and answer.shape == expected.shape
    numpy.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)


def test_weights_that_were_written_anew_meanwhile_are_said(tmp_path) -> None:
    teacher = TransformersTeacher(saved(tmp_path / "model"))
    assert teacher.fingerprint
    saved(tmp_path / "model", seed=2)
    with pytest.raises(ConfigurationError, match="have changed since .* Is a training writing to it"):
        teacher.label([["Oslo"]])


def test_answers_are_those_of_the_model_for_each_sentence_alone(model) -> None:
    words = sentences()
    random.Random(2).shuffle(words)
    teacher = TransformersTeacher(model, batch_size=200)
    assert (teacher.labels, teacher.tag_scheme, teacher.is_stored) == (LABELS, "IOB2", True)
    answers = teacher.label([*words, [], words[0]])
    assert answers[-2].shape == (0, 5)
    expected = [of_transformers(model, sentence) for sentence in words]
    for answer, rows in zip(answers, [*expected, expected[-1][:0], expected[0]]):
        check(answer, rows)
    assert numpy.concatenate(expected).std(axis=0).min() > 0.01


def test_bytes_and_spaces_before_words(tmp_path) -> None:
    """RoBERTa: words begin with a space, positions are counted from the padding's, other special tokens."""
    bpe = ByteLevelBPETokenizer(add_prefix_space=True)
    bpe.train_from_iterator([" ".join(sentence) for sentence in sentences()], vocab_size=400, special_tokens=["<s>"])
    bpe.save_model(str(tmp_path))
    specials = ["<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = RobertaTokenizerFast(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"), model_max_length=62)
    tokenizer.add_special_tokens({"additional_special_tokens": specials})
    config = RobertaConfig(
        vocab_size=len(tokenizer) + 5,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.5,
        id2label=dict(enumerate(LABELS)),
    )
    config.max_position_embeddings = 62 + config.pad_token_id + 1
    RobertaForTokenClassification(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    words = [sentence[:12] for sentence in sentences()[:10]]
    for answer, sentence in zip(TransformersTeacher(str(tmp_path / "model")).label(words), words):
        check(answer, of_transformers(str(tmp_path / "model"), sentence))


def test_positions_after_the_padding_of_a_kind_that_no_list_names(tmp_path) -> None:
    torch.manual_seed(2)
    config = RobertaPreLayerNormConfig(
        vocab_size=2000,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
        pad_token_id=0,
        initializer_range=0.5,
        id2label=dict(enumerate(LABELS)),
    )
    RobertaPreLayerNormForTokenClassification(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(TINY_ENCODER).save_pretrained(tmp_path)
    words = ["Wien"] * 100
    (answer,) = TransformersTeacher(str(tmp_path)).label([words])
    first = of_transformers(str(tmp_path), words[:37])  # with two special tokens all of 39 positions
    check(answer[:20], first[:20])
    with pytest.raises(IndexError):
        of_transformers(str(tmp_path), words[:38])


def test_a_token_that_was_added_and_has_no_vector_is_warned_of(model, tmp_path, caplog) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["Zaanstad"])
    tokenizer.save_pretrained(folder)
    with caplog.at_level(logging.WARNING):
        (answer,) = TransformersTeacher(str(folder)).label([["Wien"]])
    check(answer, of_transformers(model, ["Wien"]))
    assert "sub-words up to number 2000, and its model has vectors for 2000" in caplog.text
    assert "1 added tokens ('Zaanstad')" in caplog.text


def test_a_model_with_fewer_vectors_than_sub_words_is_no_teacher(model, tmp_path) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    fewer = AutoModelForTokenClassification.from_pretrained(folder)
    fewer.resize_token_embeddings(1500)
    fewer.save_pretrained(folder)
    with pytest.raises(ConfigurationError, match="sub-words up to number 1999, and its model has vectors for 1500"):
        TransformersTeacher(str(folder)).label([["Wien"]])


def test_a_long_sentence_is_read_in_windows(model) -> None:
    """Each word of it as in one window of consecutive sub-words; here every word is one sub-word."""
    size, overlap = 20, 5
    pieces = [piece for piece in AutoTokenizer.from_pretrained(model).vocab if piece.isalpha()]
    words = random.Random(3).choices(pieces, k=57)
    assert TransformersTeacher(model)._tokenizer.encode(words).starts == list(range(57))
    teacher = TransformersTeacher(model, max_length=size + 2, window_overlap=overlap)
    answers = teacher.label([words[:size], words, words[:3]])
    check(answers[0], of_transformers(model, words[:size]))
    check(answers[2], of_transformers(model, words[:3]))
    starts = [0, 15, 30, 37]
    windows = [of_transformers(model, words[start : start + size]) for start in starts]
    for number in range(57):
        # From the window in which the nearer edge that is not the sentence's is farthest.
        context = [
            min([number - start] * (start > 0) + [start + size - 1 - number] * (start + size < 57))
            if start <= number < start + size
            else -1
            for start in starts
        ]
        best = context.index(max(context))
        check(answers[1][number], windows[best][number - starts[best]])


def test_nothing_is_cut(model) -> None:
    words = ["Wort"] * 1000 + ["x" * 900]
    (answer,) = TransformersTeacher(model).label([words])
    assert answer.shape == (1001, 5)
    numpy.testing.assert_allclose(answer.sum(axis=1), 1, rtol=0, atol=1e-5)


def test_words_without_subwords_are_answered_as_the_unknown_token(model) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    assert tokenizer.tokenize("\u200b") == tokenizer.tokenize("\x07") == []
    wien = tokenizer.encode("Wien", add_special_tokens=False)
    unknown = tokenizer.unk_token_id
    ids = [tokenizer.cls_token_id, unknown, *wien, unknown, tokenizer.sep_token_id]
    with torch.no_grad():
        probabilities = loaded(model)(torch.tensor([ids])).logits[0].softmax(dim=-1).numpy()
    (answer,) = TransformersTeacher(model).label([["\u200b", "Wien", "\x07"]])
    check(answer, probabilities[[1, 2, len(ids) - 2]])


def test_labels_and_scheme_without_the_weights(tmp_path) -> None:
    folder = saved(tmp_path / "model", ["I-PER", "B-LOC", "I-LOC", "O"])
    (tmp_path / "model" / "model.safetensors").unlink()
    assert TransformersTeacher(folder).labels == ["I-PER", "B-LOC", "I-LOC", "O"]
    assert TransformersTeacher(folder).tag_scheme == "IOB1"  # PER has no B-
    assert TransformersTeacher(folder, tag_scheme="bio").tag_scheme == "IOB2"
    named = TransformersTeacher(folder, labels=["O", "B-x", "E-x", "S-x"])
    assert (named.labels[1], named.tag_scheme) == ("B-x", "IOBES")
    with pytest.raises(ConfigurationError, match="'labels' has 2 names .* 4 outputs"):
        TransformersTeacher(folder, labels=["O", "B-x"]).labels  # noqa: B018


def test_labels_without_names_are_asked_for(tmp_path) -> None:
    folder = saved(tmp_path / "model", ["LABEL_0", "LABEL_1", "LABEL_2"])
    with pytest.raises(ConfigurationError, match=r"no names for its 3 labels .*give 'labels': \[...\]"):
        TransformersTeacher(folder).labels  # noqa: B018
    teacher = TransformersTeacher(folder, labels=["O", "B-A", "I-A"])
    check(teacher.label([["Wien"]])[0], of_transformers(folder, ["Wien"]))


def test_an_encoder_is_no_teacher() -> None:
    with pytest.raises(ConfigurationError, match="LABEL_0"):
        TransformersTeacher(str(TINY_ENCODER)).labels  # noqa: B018
    with pytest.raises(ConfigurationError, match="has no weights named classifier.bias.*an encoder"):
        TransformersTeacher(str(TINY_ENCODER), labels=["O", "B-A"]).label([["Wien"]])


def test_the_fingerprint_is_of_the_contents(model, tmp_path) -> None:
    def changed(name, file, change) -> TransformersTeacher:
        folder = shutil.copytree(model, tmp_path / name)
        (folder / file).write_bytes(change((folder / file).read_bytes()))
        return TransformersTeacher(str(folder))

    teacher = TransformersTeacher(model)
    original = teacher.fingerprint
    assert len(original) == 64
    copy = changed("copy", "config.json", lambda config: json.dumps(json.loads(config)).encode())
    copy.label([["Wien"]])  # which leaves the tokenizer otherwise than it was
    assert copy.fingerprint == original == TransformersTeacher(model, batch_size=9).fingerprint
    others = [
        changed("weights", "model.safetensors", lambda weights: weights[:-1] + bytes([weights[-1] ^ 1])),
        changed("labels", "config.json", lambda config: config.replace(b"-LOC", b"-GPE")),
        changed("tokenizer", "tokenizer_config.json", lambda config: config.replace(b"false", b"true")),
        TransformersTeacher(model, max_length=64),
        TransformersTeacher(model, window_overlap=7),
        TransformersTeacher(model, labels=["O", "B-a", "I-a", "B-b", "I-b"]),
        TransformersTeacher(model, tag_scheme="IOB1"),
    ]
    assert len({original, *(other.fingerprint for other in others)}) == 1 + len(others)


def test_a_model_of_the_hub_is_told_by_its_commit(model, tmp_path, monkeypatch) -> None:
    def stored(commit: str) -> None:
        repository = tmp_path / "models--somebody--ner"
        shutil.copytree(model, repository / "snapshots" / commit)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(commit)

    monkeypatch.setattr("transformers.utils.hub.TRANSFORMERS_CACHE", str(tmp_path))
    stored("a" * 40)
    teacher = TransformersTeacher("somebody/ner")
    check(teacher.label([["Wien"]])[0], of_transformers(model, ["Wien"]))
    assert teacher.fingerprint == TransformersTeacher("somebody/ner").fingerprint
    stored("b" * 40)
    assert teacher.fingerprint != TransformersTeacher("somebody/ner").fingerprint


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"max_length": 999}, "reads 3 to 128 sub-words"),
        ({"max_length": 2}, "reads 3 to"),
        ({"window_overlap": 126}, "from 0 to"),
    ],
)
def test_windows_are_checked(model, options, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        TransformersTeacher(model, **options).label([["Wien"]])


def test_what_cannot_be_loaded(tmp_path, model, monkeypatch) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        TransformersTeacher(str(tmp_path / "none")).labels  # noqa: B018
    folder = shutil.copytree(model, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match="The weights of .* cannot be read: .*no file named"):
        TransformersTeacher(str(folder)).label([["Wien"]])
    monkeypatch.setattr(transformers_teacher, "is_archive", lambda name: True)
    with pytest.raises(ConfigurationError, match="type 'archive'"):
        TransformersTeacher("model.tar.gz")


def test_loading_draws_on_no_random_numbers(model) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    TransformersTeacher(model).label([["Wien"]])
    assert torch.equal(torch.rand(1), expected)


def test_it_is_made_from_a_config(model) -> None:
    made = Teacher.from_params(Params({"type": "transformers", "model_name": model, "labels": LABELS}))
    assert made.labels == LABELS
