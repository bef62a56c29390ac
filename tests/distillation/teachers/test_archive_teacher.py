"""Archives as teachers, against what the predictor says of the same sentences."""

import json
import os
import shutil
import tarfile

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model, load_archive
from allennlp.nn.util import get_text_field_mask
from conftest import CORPORA, conll_blocks

import lowresource_ner.distillation.teachers.archive_teacher as archive_teacher
from lowresource_ner.distillation.teachers.archive_teacher import ArchiveTeacher
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.models import Tagger
from lowresource_ner.predictors import NerPredictor


def sentences(corpus: str) -> list:
    return [[line[0] for line in block] for block in conll_blocks(CORPORA / corpus / "test.conll")]


def predicted(archive_file, words: list, overrides: str = "") -> list:
    archive = load_archive(archive_file, overrides=overrides)
    predictor = NerPredictor(archive.model, archive.validation_dataset_reader, distributions=True)
    return predictor.predict_batch_json([{"tokens": sentence} for sentence in words])


def check(teacher: ArchiveTeacher, words: list, outputs: list) -> None:
    answers = teacher.label(words)
    assert len(answers) == len(words) == len(outputs)
    for sentence, answer, output in zip(words, answers, outputs):
        assert output["labels"] == teacher.labels
        assert answer.shape == (len(sentence), len(teacher.labels)) and answer.dtype == numpy.float32
        numpy.testing.assert_allclose(answer, numpy.reshape(output["distributions"], answer.shape), rtol=0, atol=1e-5)
        numpy.testing.assert_allclose(answer.sum(axis=1), 1, rtol=0, atol=1e-5)


@pytest.fixture
def unloaded(monkeypatch) -> None:
    """No model may be loaded."""

    def refuse(*arguments: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(archive_teacher, "load_archive", refuse)


def repacked(source, target, change) -> str:
    """A copy of an archive whose folder was changed."""
    folder = target.parent / f"{target.name}.folder"
    with tarfile.open(source) as tar:
        tar.extractall(folder, filter="data")
    change(folder)
    with tarfile.open(target, "w:gz") as tar:
        for part in sorted(folder.iterdir(), reverse=True):  # in another order than AllenNLP's
            tar.add(part, part.name)
    return str(target)


def with_temperature(folder) -> None:
    weights = torch.load(folder / "weights.th", weights_only=True)
    weights["temperature"] = torch.tensor(2.5)
    torch.save(weights, folder / "weights.th")


def test_an_encoder_with_softmax(teacher, tmp_path) -> None:
    words = sentences("de")[:20] + [[], ["Wort"] * 300, ["\u200b", "Wien"]]
    check(ArchiveTeacher(str(teacher)), words, predicted(teacher, words))
    warm = repacked(teacher, tmp_path / "warm.tar.gz", with_temperature)
    flat = ArchiveTeacher(warm, batch_size=64)
    check(flat, words, predicted(warm, words))
    assert max(answer.max() for answer in flat.label(words[:20])) < 0.99  # the temperature counts


def test_a_cross_domain_tagger_with_crf(cross_domain_archive) -> None:
    words = sentences("bio")[:20] + [[]]
    target = ArchiveTeacher(str(cross_domain_archive))
    assert target.tag_scheme == "IOBES"
    check(target, words, predicted(cross_domain_archive, words))
    overrides = {"model.default_module": "ner_source"}
    source = ArchiveTeacher(str(cross_domain_archive), overrides=overrides)
    check(source, words, predicted(cross_domain_archive, words, json.dumps(overrides)))
    assert source.labels != target.labels and source.fingerprint != target.fingerprint


@pytest.mark.usefixtures("unloaded")
def test_what_it_is_is_known_without_its_model(teacher, cross_domain_archive) -> None:
    one = ArchiveTeacher(str(teacher))
    assert one.labels[0] == "O" and sorted(one.labels)[:4] == ["B-LOC", "B-MISC", "B-ORG", "B-PER"]
    assert one.tag_scheme == "IOB2" and one.is_stored
    other = ArchiveTeacher(str(cross_domain_archive))
    assert "S-Simple_chemical" in other.labels and other.tag_scheme == "IOBES"
    assert len({one.fingerprint, other.fingerprint}) == 2
    run = ArchiveTeacher(str(cross_domain_archive.parent))
    assert (run.labels, run.fingerprint) == (other.labels, other.fingerprint)
    assert one.fingerprint == ArchiveTeacher(str(teacher), batch_size=7).fingerprint


@pytest.mark.usefixtures("unloaded")
@pytest.mark.parametrize("model", ["kd_student", "adversarial_tagger"])
def test_labels_of_models_that_hand_on_their_parameters(teacher, tmp_path, model) -> None:
    def another_type(folder) -> None:
        config = json.loads((folder / "config.json").read_text())
        config["model"]["type"] = model
        (folder / "config.json").write_text(json.dumps(config))

    student = ArchiveTeacher(repacked(teacher, tmp_path / "student.tar.gz", another_type))
    assert (student.labels, student.tag_scheme) == (ArchiveTeacher(str(teacher)).labels, "IOB2")


def test_an_archive_that_was_trained_anew_meanwhile_is_said(teacher, tmp_path) -> None:
    archive = shutil.copy(teacher, tmp_path / "model.tar.gz")
    one = ArchiveTeacher(str(archive))
    assert one.fingerprint == ArchiveTeacher(str(teacher)).fingerprint
    os.utime(archive, (1, 1))
    with pytest.raises(ConfigurationError, match="model.tar.gz have changed since .* Is a training writing to it"):
        one.label([["Oslo"]])


@pytest.mark.usefixtures("unloaded")
def test_the_fingerprint_is_of_the_contents(teacher, tmp_path) -> None:
    def fingerprint(name, change) -> str:
        return ArchiveTeacher(repacked(teacher, tmp_path / name, change)).fingerprint

    def swapped_labels(folder) -> None:
        path = folder / "vocabulary" / "labels.txt"
        path.write_text("\n".join(sorted(path.read_text().split("\n"))))

    def another_tokenizer(folder) -> None:
        (path,) = folder.glob("vocabulary/.encoders/*/tokenizer.json")
        path.write_text(path.read_text().replace("##", "@@"))

    def another_config(folder) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        config["model"]["text_field_embedder"]["token_embedders"]["encoder"]["max_length"] = 64
        path.write_text(json.dumps(config))

    def left_by_a_kill(folder) -> None:
        left_over = folder / "vocabulary" / ".encoders" / ".tmp1a2b"
        left_over.mkdir()
        (left_over / "config.json").write_text("{}")

    original = ArchiveTeacher(str(teacher)).fingerprint
    assert fingerprint("same.tar.gz", lambda folder: (folder / "meta.json").unlink()) == original
    assert fingerprint("killed.tar.gz", left_by_a_kill) == original
    changes = [with_temperature, swapped_labels, another_tokenizer, another_config]
    changed = [fingerprint(f"{number}.tar.gz", change) for number, change in enumerate(changes)]
    changed.append(ArchiveTeacher(str(teacher), overrides={"model.dropout": 0.5}).fingerprint)
    assert len({original, *changed}) == 6

    run = tmp_path / "same.tar.gz.folder"  # as the folder of a run
    shutil.move(run / "weights.th", run / "best.th")
    (run / "metrics.json").write_text("{}")
    assert ArchiveTeacher(str(run)).fingerprint == original
    (run / "best.th").unlink()
    with pytest.raises(ConfigurationError, match="folder holds no weights .*Has its training finished"):
        ArchiveTeacher(str(run)).fingerprint  # noqa: B018


def test_loading_draws_on_no_random_numbers(teacher) -> None:
    def draw() -> list:
        return [torch.rand(1).item(), numpy.random.rand()]

    torch.manual_seed(3)
    numpy.random.seed(3)
    expected = draw()
    torch.manual_seed(3)
    numpy.random.seed(3)
    ArchiveTeacher(str(teacher)).label([["Wien"]])
    assert draw() == expected


def test_it_is_made_from_a_config(teacher) -> None:
    overrides = {"model.dropout": 0.5}
    made = Teacher.from_params(Params({"type": "archive", "archive_file": str(teacher), "overrides": overrides}))
    assert made.fingerprint == ArchiveTeacher(str(teacher), overrides=overrides).fingerprint


def test_what_is_no_archive_is_refused_as_soon_as_it_is_asked_something(tmp_path) -> None:
    """Not before: a student's archive names its teacher and must load without it."""
    for path in (tmp_path, tmp_path / "none.tar.gz"):
        teacher = ArchiveTeacher(str(path))
        with pytest.raises(ConfigurationError, match="'archive_file' is .* not an archive.*'transformers'"):
            teacher.labels  # noqa: B018


@Model.register("not_a_tagger")
class NotATagger(Model):
    """A model of somebody else's."""


@Model.register("tagger_of_another_make")
class TaggerOfAnotherMake(Tagger):
    """One that says nothing in its config of its labels."""

    def __init__(self, vocab: Vocabulary) -> None:
        super().__init__(vocab, "IOBES")
        self.labels = ["O", "S-A"]

    def forward(self, tokens: TextFieldTensors, metadata: list) -> dict:
        return {"mask": get_text_field_mask(tokens)}

    def probabilities(self, output: dict) -> torch.Tensor:
        return torch.tensor([0.25, 0.75]).expand(*output["mask"].shape, 2)


def of_type(name: str):
    def change(folder) -> None:
        reader = {"type": "raw_text", "token_indexers": {"tokens": {"type": "single_id"}}}
        (folder / "config.json").write_text(json.dumps({"model": {"type": name}, "dataset_reader": reader}))
        torch.save({"temperature": torch.ones(())} if name == "tagger_of_another_make" else {}, folder / "weights.th")

    return change


def test_models_of_others(teacher, tmp_path) -> None:
    path = repacked(teacher, tmp_path / "none.tar.gz", of_type("not_a_tagger"))
    with pytest.raises(ConfigurationError, match="none.tar.gz cannot be a teacher: its model, NotATagger,"):
        ArchiveTeacher(path).label([["a"]])
    other = ArchiveTeacher(repacked(teacher, tmp_path / "other.tar.gz", of_type("tagger_of_another_make")))
    assert (other.labels, other.tag_scheme) == (["O", "S-A"], "IOBES")
    assert [answer.tolist() for answer in other.label([["a", "b"], ["c"]])] == [[[0.25, 0.75]] * 2, [[0.25, 0.75]]]
