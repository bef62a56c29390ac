"""The student's reader: what teachers say reaches the batch, mixed, matched and in the vocabulary's order; gold tags do not."""

from pathlib import Path
from typing import List, Sequence

import numpy
import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Batch, Instance, Vocabulary
from conftest import CORPORA

from lowresource_ner.data.conll_ner import ConllNerReader
from lowresource_ner.data.raw_text import RawTextReader
from lowresource_ner.distillation.soft_labels_field import SoftLabelsField
from lowresource_ner.distillation.teacher import Teacher
from lowresource_ner.distillation.teacher_board import TeacherBoard
from lowresource_ner.distillation.teacher_labelled import TeacherLabelledReader
from lowresource_ner.distillation.teacher_weights import GivenWeights

BIO = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


class Oracle(Teacher):
    """Answers by a function of the word alone, and remembers what it was asked."""

    def __init__(self, labels: Sequence[str] = BIO, tag_scheme: str = "IOB2", salt: int = 0) -> None:
        self._labels, self._scheme, self._salt = list(labels), tag_scheme, salt
        self.asked: List[List[str]] = []

    @property
    def labels(self) -> List[str]:
        return self._labels

    @property
    def tag_scheme(self) -> str:
        return self._scheme

    @property
    def fingerprint(self) -> str:
        return f"{self._salt}{self._labels}"

    def answer(self, words: Sequence[str]) -> numpy.ndarray:
        seeds = [sum(map(ord, word)) + self._salt for word in words]
        rows = [numpy.random.default_rng(seed).dirichlet(numpy.ones(len(self._labels))) for seed in seeds]
        return numpy.array(rows, numpy.float32)

    def _label(self, sentences):
        self.asked += [list(words) for words in sentences]
        return [self.answer(words) for words in sentences]


def file_of(tmp_path: Path, *sentences: str) -> str:
    path = tmp_path / "raw.txt"
    path.write_text("\n".join(sentences), encoding="utf-8")
    return str(path)


def read(reader: TeacherLabelledReader, path: str) -> List[Instance]:
    instances = list(reader.read(path))
    for instance in instances:
        reader.apply_token_indexers(instance)
    return instances


def test_answers_reach_the_batch_in_the_order_of_the_vocabulary(tmp_path) -> None:
    oracle = Oracle()
    reader = TeacherLabelledReader(RawTextReader(tokenised=True), {"a": oracle})
    instances = read(reader, file_of(tmp_path, "Anna lives in Oslo", "Bergen"))
    assert all(set(instance.fields) == {"tokens", "metadata", "teacher_probabilities"} for instance in instances)
    vocab = Vocabulary()
    order = ["I-PER", "O", "B-PER", "I-LOC", "B-LOC"]
    for label in order:
        vocab.add_token_to_namespace(label, "labels")
    vocab.extend_from_instances(instances)
    assert vocab.get_vocab_size("labels") == 5
    batch = Batch(instances)
    batch.index_instances(vocab)
    tensor = batch.as_tensor_dict()["teacher_probabilities"]
    assert tensor.shape == (2, 4, 5) and tensor.dtype == torch.float32
    expected = torch.from_numpy(oracle.answer("Anna lives in Oslo".split()))[:, [BIO.index(label) for label in order]]
    torch.testing.assert_close(tensor[0], expected)
    assert tensor[1, 0].sum() == pytest.approx(1) and not tensor[1, 1:].any()


def test_gold_tags_change_nothing(tmp_path) -> None:
    lines = [line.split("\t") for line in (CORPORA / "es" / "dev.conll").read_text(encoding="utf-8").split("\n")]
    gold, none = tmp_path / "gold.conll", tmp_path / "none.conll"
    gold.write_text("\n".join("\t".join(line) for line in lines), encoding="utf-8")
    none.write_text("\n".join(f"{line[0]}\tO" if line[0] else "" for line in lines), encoding="utf-8")
    assert gold.read_text() != none.read_text()
    found = []
    for path in (gold, none):
        instances = read(TeacherLabelledReader(ConllNerReader(), {"a": Oracle()}), str(path))
        vocab = Vocabulary.from_instances(instances)
        batch = Batch(instances)
        batch.index_instances(vocab)
        found.append((vocab.get_token_to_index_vocabulary("labels"), batch.as_tensor_dict()))
    (one_vocab, one), (other_vocab, other) = found
    assert one_vocab == other_vocab and len(one["metadata"]) == 25
    assert set(one) == {"tokens", "metadata", "teacher_probabilities"}
    assert torch.equal(one["teacher_probabilities"], other["teacher_probabilities"])


def test_teachers_are_matched_and_mixed_as_by_hand() -> None:
    """The second teacher tags in IOBES and calls people PERSON."""
    iobes = ["O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PERSON", "I-PERSON", "E-PERSON", "S-PERSON"]
    first, second = Oracle(), Oracle(iobes, "IOBES", salt=5)
    weights = GivenWeights({"second": 1.0, "first": 3.0})
    board = TeacherBoard({"first": first, "second": second}, "IOB2", {"second": {"PERSON": "PER"}}, weights)
    assert board.labels == BIO
    words = "Anna lives in Oslo".split()
    ((mixed, _),) = board.label([words])
    theirs = second.answer(words)
    merged = numpy.stack(
        [
            theirs[:, 0],
            theirs[:, 1] + theirs[:, 4],
            theirs[:, 2] + theirs[:, 3],
            theirs[:, 5] + theirs[:, 8],
            theirs[:, 6] + theirs[:, 7],
        ],
        axis=1,
    )
    numpy.testing.assert_allclose(mixed, 0.75 * first.answer(words) + 0.25 * merged, rtol=1e-5)
    ((uniform, _),) = TeacherBoard({"first": first, "second": second}, "IOB2", {"second": {"PERSON": "PER"}}).label([words])
    numpy.testing.assert_allclose(uniform, 0.5 * first.answer(words) + 0.5 * merged, rtol=1e-5)


def test_a_store_is_asked_first_and_forgets_no_change(tmp_path) -> None:
    store = str(tmp_path / "store")
    path = file_of(tmp_path, "Anna lives in Oslo", "Bergen", "Anna lives in Oslo")
    first = Oracle()
    before = read(TeacherLabelledReader(RawTextReader(tokenised=True), {"a": first}, store=store), path)
    assert first.asked == [["Anna", "lives", "in", "Oslo"], ["Bergen"]]
    second = Oracle()
    again = read(TeacherLabelledReader(RawTextReader(tokenised=True), {"b": second}, store=store), path)
    assert second.asked == []
    for one, other in zip(before, again):
        field = other["teacher_probabilities"]
        assert isinstance(field, SoftLabelsField) and field.probabilities.dtype == numpy.float16
        assert isinstance(_base(field.probabilities), numpy.memmap)
        numpy.testing.assert_array_equal(field.probabilities, one["teacher_probabilities"].probabilities)
    changed = Oracle(salt=1)
    read(TeacherLabelledReader(RawTextReader(tokenised=True), {"a": changed}, store=store), path)
    assert len(changed.asked) == 2


def _base(array: numpy.ndarray) -> object:
    while isinstance(array, numpy.ndarray) and not isinstance(array, numpy.memmap):
        array = array.base
    return array


def test_what_cannot_be_is_said(tmp_path) -> None:
    reader = RawTextReader(tokenised=True)
    with pytest.raises(ConfigurationError, match="no teacher"):
        TeacherLabelledReader(reader, {})
    with pytest.raises(ConfigurationError, match="'label_maps' names x; the teachers are a"):
        TeacherLabelledReader(reader, {"a": Oracle()}, label_maps={"x": {}})
    with pytest.raises(ConfigurationError, match="weights for b, and the teachers are a"):
        TeacherLabelledReader(reader, {"a": Oracle()}, weights=GivenWeights({"b": 1.0}))
    with pytest.raises(ConfigurationError, match="from 0"):
        GivenWeights({"a": -1.0})
    field = SoftLabelsField(numpy.ones((1, 5), numpy.float16) / 5, BIO)
    vocab = Vocabulary()
    vocab.add_token_to_namespace("B-ORG", "labels")
    with pytest.raises(ConfigurationError, match="B-LOC.*B-ORG"):
        field.index(vocab)
