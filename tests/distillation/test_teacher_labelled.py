"""The student's reader: the teachers' matched and averaged probabilities reach the batch; gold tags do not."""

import json
from pathlib import Path
from typing import List, Sequence

import numpy
import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Batch, Instance, Vocabulary
from allennlp.data.data_loaders import MultiProcessDataLoader
from conftest import CORPORA, file_under

from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.data.dataset_readers.sentence_reader import words_of
from lowresource_ner.data.fields.soft_labels_field import SoftLabelsField
from lowresource_ner.distillation.selections.selection import Selection
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble
from lowresource_ner.distillation.teacher_labelled import TeacherLabelledReader
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.weights.teacher_weights import GivenWeights

BIO = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


class Oracle(Teacher):
    """Labels words with a function of the word, and records the sentences."""

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
    assert all(instance["metadata"]["label_namespace"] == "labels" for instance in instances)
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
    ensemble = TeacherEnsemble({"first": first, "second": second}, "IOB2", {"second": {"PERSON": "PER"}}, weights)
    assert ensemble.labels == BIO
    words = "Anna lives in Oslo".split()
    ((mixed, _),) = ensemble.label([words])
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
    ((uniform, _),) = TeacherEnsemble({"first": first, "second": second}, "IOB2", {"second": {"PERSON": "PER"}}).label(
        [words]
    )
    numpy.testing.assert_allclose(uniform, 0.5 * first.answer(words) + 0.5 * merged, rtol=1e-5)


def test_the_store_is_asked_first_and_changes_of_the_teacher_are_noticed(tmp_path) -> None:
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
        assert file_under(field.probabilities).name.startswith("segment-")
        numpy.testing.assert_array_equal(field.probabilities, one["teacher_probabilities"].probabilities)
    changed = Oracle(salt=1)
    read(TeacherLabelledReader(RawTextReader(tokenised=True), {"a": changed}, store=store), path)
    assert len(changed.asked) == 2


class KeepLong(Selection):
    """Learns from sentences of at least so many words, and half from their first word."""

    def __init__(self, least: int) -> None:
        self.least = least
        self.corpora: List[List[List[str]]] = []

    def prepare(self, corpus, ensemble):
        self.corpora.append([list(words) for words in corpus()])
        return {"least": self.least}

    def word_weights(self, sentences, probabilities):
        assert [len(rows) for rows in probabilities] == list(map(len, sentences))
        weights = [numpy.ones(len(words), numpy.float32) for words in sentences]
        for each in weights:
            each[0] = 0.5
        return [each if len(each) >= self.least else None for each in weights]


class NotTheFirst(Selection):
    def word_weights(self, sentences, probabilities):
        return [(numpy.arange(len(words)) > 0).astype(numpy.float32) for words in sentences]


def test_selections_leave_out_and_weigh(tmp_path) -> None:
    path = file_of(tmp_path, "Anna lives in Oslo", "Bergen", "In Bergen it rains")
    selection = KeepLong(2)
    reader = TeacherLabelledReader(RawTextReader(tokenised=True), {"a": Oracle()}, selections=[selection])
    instances = read(reader, path)
    assert [words_of(instance) for instance in instances] == [
        "Anna lives in Oslo".split(),
        "In Bergen it rains".split(),
    ]
    tensor = instances[0]["word_weights"].as_tensor(instances[0]["word_weights"].get_padding_lengths())
    assert tensor.tolist() == [0.5, 1, 1, 1]
    assert selection.corpora == [[line.split() for line in Path(path).read_text().splitlines()]]
    read(reader, path)
    assert len(selection.corpora) == 1, "a text that is read again is not looked through again"
    # Two selections: weights are multiplied, and what has none left teaches nothing.
    both = TeacherLabelledReader(
        RawTextReader(tokenised=True), {"a": Oracle()}, selections=[KeepLong(1), NotTheFirst()]
    )
    found = {words_of(each)[0]: each["word_weights"].array.tolist() for each in read(both, path)}
    assert found == {"Anna": [0, 1, 1, 1], "In": [0, 1, 1, 1]}


def test_selections_see_held_out_text_too_and_a_run_keeps_what_they_say(tmp_path) -> None:
    path = file_of(tmp_path, *(f"sentence number {number}" for number in range(50)))
    selection = KeepLong(1)
    reader = TeacherLabelledReader(
        RawTextReader(tokenised=True, held_out_share=0.5),
        {"a": Oracle()},
        selections=[selection],
        serialization_dir=str(tmp_path / "run"),
    )
    assert 10 < len(read(reader, path)) < 40 and len(selection.corpora[0]) == 50
    assert json.loads((tmp_path / "run" / "teachers.json").read_text()) == {"selections": [{"least": 1}]}


def test_what_is_left_out_is_counted(tmp_path, caplog) -> None:
    path = file_of(tmp_path, "Anna lives in Oslo", "Bergen", "It rains", "Bo", "It")

    class NoRain(Oracle):
        def _label(self, sentences):
            return [None if "rains" in words else self.answer(words) for words in sentences]

    reader = TeacherLabelledReader(
        RawTextReader(tokenised=True),
        {"a": NoRain()},
        selections=[KeepLong(1), NotTheFirst()],
        serialization_dir=str(tmp_path / "run"),
    )
    assert len(read(reader, path)) == 1
    expected = {
        "sentences": 5,
        "passed_over_by_teachers": 1,
        "not_selected": 3,
        "learned_from": 1,
        "words_of_weight_0": 1,
    }
    assert len(read(reader, path)) == 1, "read again, as in the next epoch, it is not told again"
    assert json.loads((tmp_path / "run" / "teachers.json").read_text())["text"] == expected
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    (warning,) = [message for message in warnings if "learned from" in message]
    assert warning.endswith(
        "raw.txt: 1 of 5 sentences are learned from. The teachers skipped 1; selections left out 3, and 1 words of the "
        "others."
    )


def test_another_text_read_meanwhile_changes_nothing(tmp_path) -> None:
    """As AllenNLP reads lazily with `batches_per_epoch`: training text goes on after the validation's."""

    class OfItsCorpus(Selection):
        def prepare(self, corpus, ensemble):
            self.known = {words[0] for words in corpus()}
            return {}

        def word_weights(self, sentences, probabilities):
            return [numpy.ones(len(words), numpy.float32) if words[0] in self.known else None for words in sentences]

    texts = [tmp_path / name for name in ("train.txt", "dev.txt")]
    for text in texts:
        text.write_text("\n".join(f"{text.stem}{number} it rains" for number in range(3000)), encoding="utf-8")
    reader = TeacherLabelledReader(RawTextReader(tokenised=True), {"a": Oracle()}, selections=[OfItsCorpus()])
    training = reader.labelled(str(texts[0]))
    number = len(next(training))
    assert number < 3000 == sum(map(len, reader.labelled(str(texts[1]))))
    assert number + sum(map(len, training)) == 3000


@pytest.mark.parametrize("content", ["Anna\tI-LOC\nrains\tI-PER\n", "Anna\nrains\n"], ids=["invalid", "missing"])
def test_tags_of_the_text_may_be_wrong(tmp_path, content) -> None:
    path = tmp_path / "text.conll"
    path.write_text(content, encoding="utf-8")
    reader = TeacherLabelledReader(ConllNerReader(tag_scheme="IOB2", file_tag_scheme="IOB2"), {"a": Oracle()})
    (instance,) = read(reader, str(path))
    assert words_of(instance) == ["Anna", "rains"] and "tags" not in instance.fields


def test_the_field_agreement(tmp_path) -> None:
    path = file_of(tmp_path, "Anna lives in Oslo and works in Bergen with Bo Berg")
    first, second = Oracle(), Oracle(salt=5)
    reader = TeacherLabelledReader(RawTextReader(tokenised=True), {"a": first, "b": second}, agreement=True)
    (instance,) = read(reader, path)
    words = words_of(instance)
    expected = first.answer(words).argmax(1) == second.answer(words).argmax(1)
    assert instance["agreement"].array.tolist() == expected.tolist() and 0 < expected.sum() < len(words)
    with pytest.raises(ConfigurationError, match="'agreement' is true, but the teachers are a"):
        TeacherLabelledReader(RawTextReader(), {"a": Oracle()}, agreement=True)


class Voter(Oracle):
    """Gives every word the same probabilities."""

    def __init__(self, **probabilities: float) -> None:
        super().__init__()
        self._row = [probabilities.get(label.replace("-", "_"), 0.0) for label in self.labels]

    def answer(self, words: Sequence[str]) -> numpy.ndarray:
        return numpy.array([self._row] * len(words), numpy.float32)


def test_rounding_decides_no_vote() -> None:
    """In single precision the first two weights, 1/6 and 1/3, come to less than the third, 1/2."""
    teachers = {"a": Voter(B_LOC=1.0), "b": Voter(B_LOC=1.0), "c": Voter(B_PER=1.0)}
    ensemble = TeacherEnsemble(teachers, weights=GivenWeights({"a": 0.1, "b": 0.2, "c": 0.3}))
    (answer,) = ensemble.label([["Oslo"]])
    assert answer is not None and answer.probabilities.dtype == numpy.float32
    numpy.testing.assert_allclose(answer.probabilities, [[0, 0.5, 0, 0.5, 0]], rtol=0, atol=1e-6)
    assert answer.probabilities[0, 1] == answer.probabilities[0, 3] and not answer.agreement.any()


def test_rounding_decides_no_agreement() -> None:
    """Of labels that tie the first is the teacher's; a real difference is one."""
    for second, agree in ((0.5 + 1e-7, True), (0.5 + 1e-3, False)):
        undecided = Voter(B_LOC=0.5, B_PER=second)
        (answer,) = TeacherEnsemble({"a": undecided, "b": Voter(B_LOC=0.6, B_PER=0.4)}).label([["Oslo", "Bergen"]])
        assert answer is not None and answer.agreement.tolist() == [agree] * 2


def test_a_text_of_which_nothing_is_left_is_said(tmp_path) -> None:
    path = file_of(tmp_path, "Bergen")
    reader = TeacherLabelledReader(RawTextReader(tokenised=True), {"a": Oracle()}, selections=[KeepLong(2)])
    with pytest.raises(ConfigurationError, match="raw.txt: no sentence is left.*'selections'"):
        read(reader, path)


def test_a_worker_of_a_lazy_loader_reads_the_same(tmp_path) -> None:
    """In a process of its own, epoch after epoch; what is found out about the text is written all the same."""
    path = file_of(tmp_path, *(f"sentence number {number} in Oslo" for number in range(40)))
    found = []
    for number in (0, 1):
        run = tmp_path / f"run{number}"
        reader = TeacherLabelledReader(
            RawTextReader(tokenised=True), {"a": Oracle()}, selections=[KeepLong(2)], serialization_dir=str(run)
        )
        loader = MultiProcessDataLoader(
            reader, path, batch_size=8, num_workers=number, max_instances_in_memory=16, start_method="fork"
        )
        loader.index_with(Vocabulary(tokens_to_add={"labels": BIO}))
        epochs = [[batch["teacher_probabilities"] for batch in loader] for _ in range(2)]
        assert [len(batches) for batches in epochs] == [5, 5]
        found.append(torch.cat([batch for batches in epochs for batch in batches]))
        assert json.loads((run / "teachers.json").read_text()) == {"selections": [{"least": 2}]}
    assert found[0].shape == (80, 5, 5) and torch.equal(*found)


def test_labels_that_do_not_match_are_an_error_before_the_work(tmp_path) -> None:
    first, second = Oracle(), Oracle([*BIO, "B-MISC", "I-MISC"])
    ensemble = TeacherEnsemble({"a": first, "b": second}, store=str(tmp_path / "store"))
    with pytest.raises(ConfigurationError, match="MISC"):
        ensemble.fill([["Oslo"]])
    assert first.asked == second.asked == []


def test_what_was_computed_before_an_error_is_kept(tmp_path) -> None:
    """A reader that is left in the middle, as by an error in training, loses no answer."""
    path = file_of(tmp_path, *(f"sentence number {number}" for number in range(3000)))
    store = str(tmp_path / "store")
    reader = TeacherLabelledReader(RawTextReader(tokenised=True), {"a": Oracle()}, store=store)
    instances = reader.read(path)
    next(iter(instances))
    instances.close()
    again = Oracle()
    read(TeacherLabelledReader(RawTextReader(tokenised=True), {"a": again}, store=store), path)
    assert len(again.asked) == 3000 - 2048


def test_invalid_options_are_refused(tmp_path) -> None:
    reader = RawTextReader(tokenised=True)
    with pytest.raises(ConfigurationError, match="no teacher"):
        TeacherLabelledReader(reader, {})
    with pytest.raises(ConfigurationError, match="'label_maps' names x; the teachers are a"):
        TeacherLabelledReader(reader, {"a": Oracle()}, label_maps={"x": {}})
    with pytest.raises(ConfigurationError, match="weights for b, but the teachers are a"):
        TeacherLabelledReader(reader, {"a": Oracle()}, weights=GivenWeights({"b": 1.0}))
    with pytest.raises(ConfigurationError, match="must be at least 0"):
        GivenWeights({"a": -1.0})
    field = SoftLabelsField(numpy.ones((1, 5), numpy.float16) / 5, BIO)
    vocab = Vocabulary()
    vocab.add_token_to_namespace("B-ORG", "labels")
    with pytest.raises(ConfigurationError, match="B-LOC.*B-ORG"):
        field.index(vocab)
