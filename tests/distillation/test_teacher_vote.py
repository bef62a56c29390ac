"""The vote of several teachers, against averages by hand, and as the tagger that it is for commands."""

import json

import numpy
import pytest
import torch
from allennlp.commands.evaluate import evaluate_from_archive
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import Batch, Vocabulary
from conftest import CORPORA, REPOSITORY
from seqeval.metrics import f1_score
from test_teacher_labelled import BIO, Oracle, Voter

from lowresource_ner.data.dataset_readers.conll_ner import ConllNerReader
from lowresource_ner.distillation import ArchiveTeacher, LabelFileTeacher
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble
from lowresource_ner.distillation.teacher_vote import TeacherVote
from lowresource_ner.distillation.weights.similarity_weights import SimilarityWeights
from lowresource_ner.distillation.weights.teacher_weights import GivenWeights
from lowresource_ner.predictors import NerPredictor

WORDS = [["Anna", "lives", "in", "Oslo"], ["Bergen"]]


def tensors(vocab: Vocabulary, sentences: list, tags: list) -> dict:
    reader = ConllNerReader()
    instances = [reader.text_to_instance(words, gold) for words, gold in zip(sentences, tags)]
    for instance in instances:
        reader.apply_token_indexers(instance)
    batch = Batch(instances)
    batch.index_instances(vocab)
    return batch.as_tensor_dict()


def test_the_vote_is_the_argmax_of_the_mean() -> None:
    first, second = Oracle(), Oracle(salt=5)
    vote = TeacherVote(Vocabulary(), {"a": first, "b": second}, weights=GivenWeights({"a": 1.0, "b": 3.0})).eval()
    assert vote.labels == BIO
    predictor = NerPredictor(vote, ConllNerReader(), distributions=True)
    differing = 0
    for words, output in zip(WORDS, predictor.predict_batch_json([{"tokens": words} for words in WORDS])):
        mean = 0.25 * first.answer(words) + 0.75 * second.answer(words)
        assert output["tags"] == [BIO[index] for index in mean.argmax(1)]
        numpy.testing.assert_allclose(output["distributions"], mean, atol=1e-5)
        differing += int((first.answer(words).argmax(1) != mean.argmax(1)).sum())
    assert differing > 0


def test_votes_that_tie_are_the_first_tags_of_the_vocabulary() -> None:
    """Many words, so that logarithms are taken in blocks and in what is left of them."""
    teachers = {"a": Voter(B_PER=1.0), "b": Voter(B_PER=1.0), "c": Voter(B_LOC=1.0)}
    for order in (BIO, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]):
        vocab = Vocabulary(tokens_to_add={"labels": order})
        vote = TeacherVote(vocab, teachers, weights=GivenWeights({"a": 0.1, "b": 0.2, "c": 0.3})).eval()
        output = NerPredictor(vote, ConllNerReader()).predict_json({"tokens": ["Oslo"] * 37})
        assert output["tags"] == [order[1]] * 37


def test_loss_and_score_are_those_of_the_mean() -> None:
    """The order of the vocabulary is not the teachers'."""
    vocab = Vocabulary()
    order = ["I-PER", "O", "B-PER", "I-LOC", "B-LOC"]
    for label in order:
        vocab.add_token_to_namespace(label, "labels")
    oracle = Oracle()
    vote = TeacherVote(vocab, {"a": oracle})
    tags = [["B-PER", "O", "O", "B-LOC"], ["B-LOC"]]
    loss = vote(**tensors(vocab, WORDS, tags))["loss"]
    answers = numpy.concatenate([oracle.answer(words) for words in WORDS])
    gold = [BIO.index(tag) for each in tags for tag in each]
    assert loss.item() == pytest.approx(-numpy.log(answers[numpy.arange(5), gold]).mean(), rel=1e-4)
    assert set(vote.get_metrics()) == {"precision", "recall", "f1"}
    with pytest.raises(ConfigurationError, match="The vocabulary has the tags.*B-ORG"):
        extended = Vocabulary()
        extended.add_token_to_namespace("B-ORG", "labels")
        TeacherVote(extended, {"a": oracle})


def test_weights_of_a_corpus_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="depend on the whole text.*teachers.json"):
        TeacherVote(Vocabulary(), {"a": Oracle(), "b": Oracle()}, weights=SimilarityWeights("similarity.tar.gz"))


def test_a_certain_teacher_has_a_finite_loss() -> None:
    class Certain(Oracle):
        def answer(self, words):
            return numpy.eye(5, dtype=numpy.float32)[[0] * len(words)]

    vote = TeacherVote(Vocabulary(), {"a": Certain()})
    assert torch.isfinite(vote(**tensors(vote.vocab, [["Oslo"]], [["B-LOC"]]))["loss"])


def test_where_teachers_agree_the_vote_is_theirs() -> None:
    """The mixture's best label is the one that all have: what the loss of agreed labels counts on."""
    teachers = {str(salt): Oracle(salt=salt) for salt in range(3)}
    weights = GivenWeights({"0": 0.2, "1": 0.7, "2": 0.1})
    sentences = [[chr(letter) * length for letter in range(65, 91)] for length in range(1, 9)]
    agreed = 0
    for words, (mixed, agreement) in zip(sentences, TeacherEnsemble(teachers, weights=weights).label(sentences)):
        best = [teacher.answer(words).argmax(1) for teacher in teachers.values()]
        for position, is_agreed in enumerate(agreement):
            assert is_agreed == (len({int(each[position]) for each in best}) == 1)
            if is_agreed:
                assert mixed[position].argmax() == best[0][position]
                agreed += 1
    assert 0 < agreed < 8 * 26


def test_a_vote_whose_teacher_has_changed_is_another_teacher(tmp_path) -> None:
    """Its archive names a path, and says nothing of what is there."""
    labels = tmp_path / "labels.jsonl"
    run = tmp_path / "run"
    run.mkdir()
    config = {"type": "teacher_vote", "teachers": {"a": {"type": "label_file", "path": str(labels)}}}
    Params({"dataset_reader": {"type": "conll_ner"}, "model": config}).to_file(str(run / "config.json"))
    fingerprints = []
    for number, tag in enumerate(("B-PER", "B-LOC")):
        labels.write_text(json.dumps({"tokens": ["Anna", "Oslo"], "tags": [tag, "B-LOC"]}) + "\n")
        if number == 0:
            vote = TeacherVote(Vocabulary(), {"a": LabelFileTeacher(str(labels), types=["LOC", "PER"])})
            vote.vocab.save_to_files(str(run / "vocabulary"))
            torch.save(vote.state_dict(), run / "best.th")
        fingerprints.append(ArchiveTeacher(str(run)).fingerprint)
    assert fingerprints[0] != fingerprints[1]


def test_a_vote_by_commands(allennlp, environment, teacher, tmp_path, monkeypatch) -> None:
    """One teacher, twice: the vote scores as it does, and is a teacher with its labels."""
    monkeypatch.setenv("TARGET", "es")
    monkeypatch.setenv("TEACHERS", f"en={teacher},de={teacher}")
    train_model(Params.from_file(REPOSITORY / "training_configs/cross_lingual/voting.jsonnet"), str(tmp_path / "vote"))
    archive = tmp_path / "vote" / "model.tar.gz"
    before, again = (ArchiveTeacher(str(archive)) for _ in range(2))
    assert before.fingerprint == again.fingerprint
    assert sorted(before.labels) == sorted(ArchiveTeacher(str(teacher)).labels)
    gold = CORPORA / "es" / "test.conll"
    allennlp("evaluate", archive, gold, "--output-file", tmp_path / "vote.json")
    vote = json.loads((tmp_path / "vote.json").read_text())
    tagged = tmp_path / "tagged.jsonl"
    allennlp("tag", archive, gold, "--input-format", "conll", "--output-file", tagged)
    lines = [json.loads(line) for line in tagged.read_text(encoding="utf-8").splitlines()]
    tags = [line["tags"] for line in lines]
    assert f1_score([line["gold_tags"] for line in lines], tags, zero_division=0) == pytest.approx(vote["f1"])
    alone = evaluate_from_archive(teacher, str(gold))
    assert vote["f1"] == alone["f1"] and vote["support"] == alone["support"] > 0
