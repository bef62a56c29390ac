"""A student in a domain without labels, by the commands that users give: two teachers, the student, and what it tags."""

import json
import shutil
from pathlib import Path
from typing import Dict

import pytest
import torch
from allennlp.models import load_archive
from conftest import CORPORA, REPOSITORY, conll_blocks
from seqeval.metrics import f1_score
from support.batches import tensors
from support.trainings import best_weights, differing, kill_and_recover, measured, train

from lowresource_ner.distillation.teachers.archive_teacher import ArchiveTeacher

CONFIGS = REPOSITORY / "training_configs/cross_domain"
SEA_TEST = CORPORA / "sea" / "test.conll"
ONE_TYPE = {"*": "NAME"}
# All types are one, which is learned sooner.
SMALL = {
    "model.encoder.hidden_size": 32,
    "model.dropout": 0.1,
    "trainer.optimizer.lr": 0.01,
    "dataset_reader.readers.ner_source.label_map": ONE_TYPE,
    "validation_dataset_reader.label_map": ONE_TYPE,
}
CALLBACKS = [{"type": name} for name in ("module_updates", "random_state", "recovery", "kill_at_batch")]
OF_STUDENT = {
    **SMALL,
    "trainer.num_epochs": 4,
    "trainer.callbacks": CALLBACKS,
    "trainer.checkpointer": {"save_every_num_batches": 5},
}
UPDATES = 12
"""Those of an epoch: 120 sentences of the source, 10 in a batch."""


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> Path:
    """The corpora, without any labels of the target: there is nothing of it but its raw text."""
    folder = tmp_path_factory.mktemp("corpora")
    (folder / "en").symlink_to(CORPORA / "en")
    (folder / "sea").mkdir()
    shutil.copy(CORPORA / "sea" / "raw.txt", folder / "sea")
    return folder


@pytest.fixture(scope="module")
def teachers(allennlp, corpora, tmp_path_factory) -> Dict[str, Path]:
    """The archives of stm_source and pgn_uda."""
    folder = tmp_path_factory.mktemp("teachers")
    for name, epochs in (("stm_source", 5), ("pgn_uda", 1)):
        overrides = {**SMALL, "trainer.num_epochs": epochs}
        train(allennlp, CONFIGS / f"{name}.jsonnet", folder / name, overrides, NER_DATA=str(corpora), TARGET="sea")
    return {name: folder / name / "model.tar.gz" for name in ("stm_source", "pgn_uda")}


@pytest.fixture(scope="module")
def variables(corpora, teachers) -> Dict[str, str]:
    named = f"source={teachers['stm_source']},uda={teachers['pgn_uda']}"
    return {"NER_DATA": str(corpora), "TARGET": "sea", "TEACHERS": named}


@pytest.fixture(scope="module")
def student(allennlp, variables, tmp_path_factory) -> Path:
    """The folder of its run."""
    folder = tmp_path_factory.mktemp("student") / "run"
    train(allennlp, CONFIGS / "pgn_uda_student.jsonnet", folder, OF_STUDENT, **variables)
    return folder


def test_the_target_is_learned_from_soft_labels_beside_all_else(student) -> None:
    epochs = [json.loads((student / f"metrics_epoch_{epoch}.json").read_text()) for epoch in range(4)]
    for metrics in epochs:
        for name in ("ner_source_loss", "lm_source_sampled_loss", "lm_target_sampled_loss"):
            assert metrics[f"training_{name}"] > 0 and metrics["training_ner_target_gradient_norm"] > 0
        assert "training_ner_target_loss" not in metrics, "which is that of gold labels"
        assert metrics["validation_ner_source_support"] == 92
        assert not [name for name in metrics if name.startswith("validation_") and "target" in name]
    losses = [metrics["training_ner_target_distillation_loss"] for metrics in epochs]
    assert losses[-1] < losses[0]
    best = max(metrics["validation_ner_source_f1"] for metrics in epochs)
    assert epochs[-1]["best_validation_ner_source_f1"] == best


def test_its_vocabulary_is_that_of_uda_with_the_teachers_labels(student, teachers, tmp_path) -> None:
    shutil.unpack_archive(teachers["pgn_uda"], tmp_path)
    own, of_uda = (
        {path.name: path.read_text().splitlines() for path in (folder / "vocabulary").glob("*.txt")}
        for folder in (student, tmp_path)
    )
    assert own["lm_words.txt"] == of_uda["lm_words.txt"], "no word counts twice"
    # The others are sorted by frequency in all texts, and one of these is read twice.
    labels = own.pop("source_labels.txt"), of_uda.pop("source_labels.txt")
    assert {name: sorted(lines) for name, lines in own.items()} == {name: sorted(of_uda[name]) for name in of_uda}
    assert sorted(labels[0]) == ["B-NAME", "E-NAME", "I-NAME", "O", "S-NAME"]


def test_it_is_evaluated_and_predicts_in_the_target_by_default(allennlp, student, tmp_path) -> None:
    scores, output = tmp_path / "scores.json", tmp_path / "out.conll"
    archive = shutil.copy(student / "model.tar.gz", tmp_path)
    allennlp("evaluate", archive, SEA_TEST, "--output-file", scores)
    options = ["--use-dataset-reader", "--predictor", "ner_conll", "--silent", "--include-package", "lowresource_ner"]
    allennlp("predict", archive, SEA_TEST, *options, "--output-file", output, cwd=tmp_path)
    found = [[line[1] for line in block] for block in conll_blocks(output)]
    gold = [["O" if line[-1] == "O" else f"{line[-1][:2]}NAME" for line in block] for block in conll_blocks(SEA_TEST)]
    evaluated = json.loads(scores.read_text())
    assert any(tag != "O" for tags in found for tag in tags), "a tagger that finds nothing tests nothing"
    assert evaluated["f1"] == pytest.approx(f1_score(gold, found)) and evaluated["lm_target_perplexity"] > 1


def test_a_batch_s_loss_is_between_the_teachers_mean_and_the_marginals_of_the_student(student, teachers) -> None:
    """The student in evaluation, whose marginals are over all sequences; the teachers by what they say one by one."""
    archive = load_archive(student / "model.tar.gz")
    model, vocab = archive.model.eval(), archive.model.vocab
    sentences = [line.split() for line in (CORPORA / "sea" / "raw.txt").read_text().splitlines()[:4]]
    means = []
    for sentence in sentences:
        rows = torch.zeros(len(sentence), len(model.labels))
        for path in teachers.values():
            teacher = ArchiveTeacher(str(path))
            (probabilities,) = teacher.label([sentence])
            for column, label in enumerate(teacher.labels):
                rows[:, vocab.get_token_index(label, "source_labels")] += torch.tensor(probabilities[:, column]) / 2
        means.append(rows)
    instances = [archive.validation_dataset_reader.text_to_instance(sentence) for sentence in sentences]
    for instance in instances:
        archive.validation_dataset_reader.apply_token_indexers(instance)
    given = tensors(instances, vocab)
    teacher_probabilities = torch.nn.utils.rnn.pad_sequence(means, batch_first=True)
    with torch.no_grad():
        output = model(**given, teacher_probabilities=teacher_probabilities)
        head = model.branch("ner_target").head.tagger
        marginals = torch.log_softmax(head.marginal_logits(output["logits"], output["mask"]), dim=2)
    expected = -(teacher_probabilities * marginals * output["mask"].unsqueeze(2)).sum() / len(sentences)
    torch.testing.assert_close(output["loss"].double(), expected, rtol=1e-5, atol=0)
    metrics = model.get_metrics(reset=True)
    assert metrics["ner_target_distillation_loss"] == pytest.approx(expected.item(), rel=1e-5)

    # A word of weight 0 does not count, nor does a sentence that another process has read.
    weights = output["mask"].float()
    weights[:, 0] = 0.0
    given["metadata"][3]["is_repeated"] = True
    with torch.no_grad():
        model(**given, teacher_probabilities=teacher_probabilities, word_weights=weights)
    of_words = -(teacher_probabilities * marginals * output["mask"].unsqueeze(2))
    metrics = model.get_metrics(reset=True)
    assert metrics["ner_target_distillation_loss"] == pytest.approx(of_words[:3, 1:].sum().item() / 3, rel=1e-5)


def test_killed_and_recovered_it_is_as_if_unbroken(allennlp, student, variables, tmp_path) -> None:
    """Killed in the second epoch; the teachers label the text once more."""
    config = CONFIGS / "pgn_uda_student.jsonnet"
    kill_and_recover(allennlp, config, tmp_path / "run", OF_STUDENT, UPDATES + 7, **variables)
    assert differing(best_weights(student), best_weights(tmp_path / "run"), fewest=15) == []
    assert measured(student) == measured(tmp_path / "run")


def test_a_target_s_gold_labels_are_refused_and_other_labels_than_the_source_s_are_named(
    allennlp, corpora, variables, tmp_path
) -> None:
    config = CONFIGS / "pgn_uda_student.jsonnet"
    gold = {"type": "conll_ner", "tag_scheme": "IOBES", "label_namespace": "source_labels"}
    overrides = {**SMALL, "dataset_reader.readers.ner_target": gold, "train_data_path.ner_target": str(SEA_TEST)}
    failed = train(allennlp, config, tmp_path / "gold", overrides, check=False, **variables)
    assert failed.returncode != 0 and "'ner_target' would read its labels" in failed.stdout + failed.stderr
    types = {name: value for name, value in SMALL.items() if "label_map" not in name}
    failed = train(allennlp, config, tmp_path / "types", types, check=False, **variables)
    assert failed.returncode != 0 and "The teacher's labels are" in failed.stdout + failed.stderr
