"""From sentences of several languages to a student of weighted teachers, as a user does it."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import CORPORA, REPOSITORY

CONFIGS = REPOSITORY / "training_configs/cross_lingual"


@pytest.fixture(scope="module")
def similarity(allennlp, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("similarity") / "run"
    overrides = json.dumps({"trainer.num_epochs": 2, "dataset_reader.reader.sample": 40})
    allennlp("train", CONFIGS / "similarity.jsonnet", "-s", run, "-o", overrides, SOURCES="en,de")
    assert 0 < json.loads((run / "metrics.json").read_text())["validation_accuracy"] <= 1
    return run / "model.tar.gz"


def test_accuracy_on_held_out_text(allennlp, similarity, tmp_path) -> None:
    """Of all languages, of one after the other, and sentence by sentence."""
    files = {language: str(CORPORA / language / "test.conll") for language in ("en", "de")}
    allennlp("evaluate", similarity, json.dumps(files), "--output-file", tmp_path / "all.json")
    outputs = [tmp_path / "en.json", tmp_path / "de.json"]
    paths = ",".join(f"{language}={path}" for language, path in files.items())
    allennlp("evaluate", similarity, paths, "--output-file", ",".join(map(str, outputs)))
    accuracies = [json.loads(path.read_text())["accuracy"] for path in (tmp_path / "all.json", *outputs)]
    numbers = [len(Path(path).read_text(encoding="utf-8").strip().split("\n\n")) for path in files.values()]
    correct = sum(share * number for share, number in zip(accuracies[1:], numbers))
    assert 0 < accuracies[0] < 1 and accuracies[0] == pytest.approx(correct / sum(numbers))
    predictions = tmp_path / "de.jsonl"
    allennlp("predict", similarity, f"de={files['de']}", "--use-dataset-reader", "--output-file", predictions)
    answers = [json.loads(line) for line in predictions.read_text(encoding="utf-8").splitlines()]
    assert {answer["gold_language"] for answer in answers} == {"de"}
    is_right = [answer["language"] == "de" for answer in answers]
    assert sum(is_right) / len(is_right) == pytest.approx(accuracies[2])
    assert all(answer["scores"][answer["language"]] == max(answer["scores"].values()) for answer in answers)


def test_a_student_of_weighted_teachers_is_shipped_alone(allennlp, similarity, teacher, tmp_path) -> None:
    """Its weights are shown; its teachers and the similarity model are gone when it is used."""
    parts = {name: shutil.copy(path, tmp_path) for name, path in [("en", teacher)]}
    parts["de"] = shutil.copy(teacher, tmp_path / "de.tar.gz")
    archive = shutil.copy(similarity, tmp_path / "similarity.tar.gz")
    run = tmp_path / "student"
    overrides = '{"trainer.num_epochs": 1}'
    variables = {
        "TARGET": "es",
        "TEACHERS": ",".join(f"{name}={path}" for name, path in parts.items()),
        "WEIGHTS": "learned-sentence",
        "SIMILARITY": str(archive),
    }
    done = allennlp("train", CONFIGS / "student_multi_source.jsonnet", "-s", run, "-o", overrides, **variables)
    assert "Teachers' weights by similarity (learned, by sentence; " in done.stdout + done.stderr
    weights = json.loads((run / "teachers.json").read_text())["weights"]
    assert (weights["measure"], weights["level"]) == ("learned", "sentence")
    assert set(weights["alpha"]) == {"en", "de"} and sum(weights["alpha"].values()) == pytest.approx(1)
    for path in (*parts.values(), archive):
        Path(path).unlink()
    scores = tmp_path / "scores.json"
    allennlp("evaluate", run / "model.tar.gz", CORPORA / "es" / "test.conll", "--output-file", scores)
    assert "f1" in json.loads(scores.read_text())
