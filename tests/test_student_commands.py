"""Students of every kind of teacher, from config to archive, as a user trains them."""

import json
import shutil
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.models.archival import load_archive
from allennlp.predictors import Predictor
from conftest import CORPORA, REPOSITORY, TINY_ENCODER, archive_weights
from support.trainings import differing, measured
from transformers import AutoTokenizer, BertConfig, BertForTokenClassification

import lowresource_ner  # noqa: F401  what the configs name is registered by the import

CONFIGS = REPOSITORY / "training_configs/cross_lingual"
LABELS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def test_a_student_by_commands_is_shipped_alone(allennlp, teacher: Path, tmp_path) -> None:
    """The teacher's archive and its soft labels are gone when the student is evaluated and used."""
    copied = shutil.copy(teacher, tmp_path / "teacher.tar.gz")
    overrides = json.dumps({"trainer.num_epochs": 1, "dataset_reader.store": str(tmp_path / "store")})
    run = tmp_path / "student"
    config = CONFIGS / "student_soft.jsonnet"
    allennlp("train", config, "-s", run, "-o", overrides, TARGET="es", TEACHER=str(copied))
    stored = list((tmp_path / "store").glob("*/header.json"))
    assert len(stored) == 1
    metrics = json.loads((run / "metrics.json").read_text())
    assert 0 < metrics["training_distillation_loss"] < 0.2 and "training_f1" not in metrics
    Path(copied).unlink()
    shutil.rmtree(tmp_path / "store")
    archive = run / "model.tar.gz"
    allennlp("evaluate", archive, CORPORA / "es" / "test.conll", "--output-file", tmp_path / "scores.json")
    assert {"f1", "f1-PER"} <= set(json.loads((tmp_path / "scores.json").read_text()))
    text = CORPORA / "es" / "raw.txt"
    options = ["--predictor-args", '{"input_format": "text"}', "--batch-size", "200", "--silent"]
    allennlp("predict", archive, text, "--output-file", tmp_path / "out.jsonl", *options)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(text.read_text(encoding="utf-8").splitlines())


def test_a_student_of_consistent_labels_is_shipped_alone(allennlp, teacher: Path, tmp_path) -> None:
    """Its weights are shown, and kept in the store; its teacher, which encodes the words, is gone when it is used."""
    copied = shutil.copy(teacher, tmp_path / "teacher.tar.gz")
    store, run = tmp_path / "store", tmp_path / "student"
    overrides = json.dumps({"trainer.num_epochs": 1, "dataset_reader.store": str(store)})
    config = CONFIGS / "student_consistent.jsonnet"
    ahead = allennlp("soft-labels", config, "-o", overrides, TARGET="es", TEACHER=str(copied))
    (counts,) = store.glob("neighbours-*/counts.bin")
    written = counts.stat().st_mtime_ns
    done = allennlp("train", config, "-s", run, "-o", overrides, TARGET="es", TEACHER=str(copied))
    assert "nearest neighbours: " in ahead.stderr and "nearest neighbours: " not in done.stderr
    assert counts.stat().st_mtime_ns == written
    (found,) = json.loads((run / "teachers.json").read_text())["selections"]
    assert [found] == json.loads(ahead.stdout.splitlines()[-1])["selections"]
    assert (
        found["num_neighbours"] == 500
        and sum(each["words"] for each in found["classes"].values()) == found["num_words"]
    )
    assert {path.name for path in store.glob("neighbours-*/*")} == {"counts.bin", "lock"}
    Path(copied).unlink()
    shutil.rmtree(store)
    scores = tmp_path / "scores.json"
    allennlp("evaluate", run / "model.tar.gz", CORPORA / "es" / "test.conll", "--output-file", scores)
    assert "f1" in json.loads(scores.read_text())


def test_gold_tags_change_no_weight_and_no_choice(environment, teacher: Path, tmp_path, monkeypatch) -> None:
    """
    Two trainings on the same words, once with their gold tags and once without any entity, the epoch chosen on held-out text: all
    weights are equal, bit for bit, and so are all metrics but times.
    """
    monkeypatch.setenv("TARGET", "es")
    monkeypatch.setenv("TEACHER", str(teacher))
    gold = (CORPORA / "es" / "train.conll").read_text(encoding="utf-8")
    none = "\n".join(f"{line.split()[0]}\tO" if line else "" for line in gold.split("\n"))
    assert gold.count("B-PER") > 10 and "B-PER" not in none
    text = tmp_path / "text.conll"
    found = []
    for number, content in enumerate((gold, none)):
        text.write_text(content, encoding="utf-8")
        config = Params.from_file(CONFIGS / "student_held_out.jsonnet").as_dict(quiet=True)
        config["train_data_path"] = str(text)
        config["validation_data_path"] = {"held_out": str(text)}
        for reader in (config["dataset_reader"], config["validation_dataset_reader"]["readers"]["held_out"]):
            reader["reader"].update(type="conll_ner", held_out_share=0.3)
        run = tmp_path / f"run{number}"
        train_model(Params(config), str(run))
        metrics = measured(run)
        assert "validation_distillation_loss" in metrics and not any("f1" in name for name in metrics)
        found.append((archive_weights(run / "model.tar.gz"), metrics))
    (weights, metrics), (others, other_metrics) = found
    assert metrics == other_metrics and differing(weights, others) == []


@pytest.fixture
def student(environment, tmp_path, monkeypatch):
    """Trains a student of one teacher, given as a config, and says what it has learned of the words "Oslo" and "and"."""
    monkeypatch.setenv("TARGET", "es")
    monkeypatch.setenv("TEACHER", "unused")
    text = tmp_path / "raw.txt"
    text.write_text("Oslo and Oslo and Oslo\n" * 40, encoding="utf-8")

    def train(*teachers: Dict[str, Any], name: str = "student_soft", **changes: Any) -> Dict[str, Dict[str, float]]:
        config = Params.from_file(CONFIGS / f"{name}.jsonnet", changes).as_dict(quiet=True)
        config["dataset_reader"]["teachers"] = {str(number): teacher for number, teacher in enumerate(teachers)}
        config["train_data_path"] = str(text)
        config["trainer"]["num_epochs"] = 20
        config["trainer"]["optimizer"]["lr"] = 3e-3
        config["model"]["text_field_embedder"]["token_embedders"]["encoder"]["num_frozen_layers"] = None
        train_model(Params(config), str(tmp_path / "run"))
        archive = load_archive(tmp_path / "run" / "model.tar.gz")
        predictor = Predictor.from_archive(archive, "ner", extra_args={"distributions": True})
        answer = predictor.predict_json({"tokens": "Oslo and Oslo and Oslo".split()})
        assert sorted(answer["labels"]) == sorted(LABELS)
        rows = answer["distributions"]
        return {word: dict(zip(answer["labels"], rows[index])) for index, word in enumerate(["Oslo", "and"])}

    return train


@pytest.mark.slow
def test_a_student_of_a_label_file(student, tmp_path) -> None:
    """Soft labels in, the same out: the student has nothing else to learn."""
    path = tmp_path / "labels.jsonl"
    name, other = [0.1, 0.6, 0.0, 0.3, 0.0], [0.9, 0.0, 0.1, 0.0, 0.0]
    answer = {"tokens": "Oslo and Oslo and Oslo".split(), "labels": LABELS}
    path.write_text(json.dumps({**answer, "distributions": [name, other, name, other, name]}) + "\n")
    learned = student({"type": "label_file", "path": str(path)})
    assert [learned["Oslo"][label] for label in LABELS] == pytest.approx(name, abs=0.1)
    assert [learned["and"][label] for label in LABELS] == pytest.approx(other, abs=0.1)


@pytest.mark.slow
def test_hard_labels_forget_how_sure_the_teacher_is(student, tmp_path) -> None:
    path = tmp_path / "labels.jsonl"
    name, other = [0.1, 0.6, 0.0, 0.3, 0.0], [0.9, 0.0, 0.1, 0.0, 0.0]
    answer = {"tokens": "Oslo and Oslo and Oslo".split(), "labels": LABELS}
    path.write_text(json.dumps({**answer, "distributions": [name, other, name, other, name]}) + "\n")
    learned = student({"type": "label_file", "path": str(path)}, name="student_hard")
    assert learned["Oslo"]["B-LOC"] > 0.9 and learned["and"]["O"] > 0.95


@pytest.mark.slow
def test_what_teachers_agree_on_is_learned_as_a_label(student, tmp_path) -> None:
    """Of a text that is read lazily. Two teachers hold "Oslo" for a place, and differ about "and"."""
    teachers = []
    for number, other in enumerate(([0.6, 0.4, 0.0, 0.0, 0.0], [0.2, 0.8, 0.0, 0.0, 0.0])):
        path = tmp_path / f"labels{number}.jsonl"
        name = [0.3, 0.6, 0.0, 0.1, 0.0]
        answer = {"tokens": "Oslo and Oslo and Oslo".split(), "labels": LABELS}
        path.write_text(json.dumps({**answer, "distributions": [name, other, name, other, name]}) + "\n")
        teachers.append({"type": "label_file", "path": str(path)})
    changes = {
        "dataset_reader.agreement": True,
        "model.agreed_label_weight": 1.0,
        "data_loader.max_instances_in_memory": 16,
        "data_loader.batches_per_epoch": 2,
    }
    learned = student(*teachers, **changes)
    assert learned["Oslo"]["B-LOC"] > 0.85, "far more than the 0.6 of both"
    assert learned["and"]["B-LOC"] == pytest.approx(0.6, abs=0.1) and learned["and"]["O"] == pytest.approx(0.4, abs=0.1)


@pytest.mark.slow
def test_a_student_of_a_hugging_face_folder(student, tmp_path) -> None:
    """The teacher's weights are random; what it says of each word is what the student learns to say."""
    folder = tmp_path / "hf"
    tokenizer = AutoTokenizer.from_pretrained(TINY_ENCODER)
    tokenizer.save_pretrained(folder)
    config = BertConfig.from_pretrained(TINY_ENCODER, num_labels=5, id2label=dict(enumerate(LABELS)))
    torch.manual_seed(3)
    model = BertForTokenClassification(config).eval()
    torch.nn.init.normal_(model.classifier.weight, std=0.5)
    model.save_pretrained(folder)
    batch = tokenizer("Oslo and Oslo and Oslo".split(), is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        rows = model(**batch).logits[0].softmax(-1)
    learned = student({"type": "transformers", "model_name": str(folder)})
    for position, word in enumerate(["Oslo", "and"]):
        row = rows[batch.word_ids().index(position)].tolist()
        assert max(row) > 0.3
        assert [learned[word][label] for label in LABELS] == pytest.approx(row, abs=0.15)
