"""AdvPicker by commands, from the labelled source language and the target's raw text to a student."""

import json

import pytest
from conftest import CORPORA, REPOSITORY

CONFIGS = REPOSITORY / "training_configs/cross_lingual"


def test_train_evaluate_select(allennlp, tmp_path) -> None:
    """The adversarial tagger is evaluated as any tagger, teaches, and says which sentences its student learns from."""
    run, student = tmp_path / "adversarial", tmp_path / "student"
    allennlp("train", CONFIGS / "adversarial.jsonnet", "-s", run, "-o", '{"trainer.num_epochs": 2}', TARGET="es")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["best_epoch"] == 1, "the last one"
    assert metrics["training_loss"] == pytest.approx(metrics["training_ner_loss"] / 2)
    assert 0 < metrics["training_discriminator_accuracy"] < 1
    assert metrics["training_discriminator_loss"] > 0 and metrics["training_generator_loss"] > 0
    archive = run / "model.tar.gz"
    scores = tmp_path / "scores.json"
    allennlp("evaluate", archive, CORPORA / "es" / "test.conll", "--output-file", scores)
    assert json.loads(scores.read_text())["support"] > 0

    overrides = '{"trainer.num_epochs": 1, "dataset_reader.selections.0.share": 0.6}'
    variables = {"TARGET": "es", "TEACHER": str(archive), "DISCRIMINATOR": str(archive)}
    allennlp("train", CONFIGS / "student_selected.jsonnet", "-s", student, "-o", overrides, **variables)
    (found,) = json.loads((student / "teachers.json").read_text())["selections"]
    num_sentences = len((CORPORA / "es" / "raw.txt").read_text(encoding="utf-8").splitlines())
    assert (found["num_sentences"], found["num_kept"]) == (num_sentences, round(0.6 * num_sentences))
    assert 0.5 <= found["threshold"] < 1
    assert json.loads((student / "metrics.json").read_text())["training_distillation_loss"] > 0
