"""The commands as users give them, and once `allennlp` itself with all that it imports."""

import json
import os
from pathlib import Path

import pytest
from conftest import CORPORA, REPOSITORY, conll_blocks
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from support.trainings import best_weights, differing, kill_and_recover, train

CONFIGS = REPOSITORY / "training_configs/cross_lingual"
SWAHILI = CORPORA / "sw" / "test.conll"


def read_lines(path: Path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def predictions(allennlp, teacher, tmp_path_factory) -> list:
    """What `allennlp predict` says of the Swahili test file, far from the repository."""
    folder = tmp_path_factory.mktemp("elsewhere")
    output = folder / "out.jsonl"
    options = ["--use-dataset-reader", "--predictor", "ner", "--silent", "--output-file", output]
    allennlp("predict", teacher, SWAHILI, *options, "--include-package", "lowresource_ner", cwd=folder)
    return read_lines(output)


def test_predict_gives_each_word_of_a_target_language_file_one_tag(predictions) -> None:
    blocks = conll_blocks(SWAHILI)
    assert len(predictions) == 28
    for prediction, block in zip(predictions, blocks):
        assert prediction["tokens"] == [line[0] for line in block]
        assert prediction["gold_tags"] == [line[1] for line in block]
        assert len(prediction["tags"]) == len(prediction["probabilities"]) == len(block)


def test_predicted_entities_are_those_of_the_tags_and_slice_the_text(predictions) -> None:
    number = 0
    for prediction in predictions:
        expected = [(kind, first, last + 1) for kind, first, last in get_entities(prediction["tags"])]
        entities = prediction["entities"]
        assert [(e["type"], e["start_token"], e["end_token"]) for e in entities] == expected
        for entity in entities:
            words = prediction["tokens"][entity["start_token"] : entity["end_token"]]
            assert prediction["text"][entity["start_char"] : entity["end_char"]] == entity["text"] == " ".join(words)
            assert 0 < entity["confidence"] <= 1
        number += len(entities)
    assert number > 0, "a tagger that finds nothing tests nothing"


def test_evaluate_equals_seqeval_on_the_predicted_tags(allennlp, teacher, predictions, tmp_path) -> None:
    scores = tmp_path / "scores.json"
    completed = allennlp("evaluate", teacher, SWAHILI, "--output-file", scores)
    gold = [prediction["gold_tags"] for prediction in predictions]
    tags = [prediction["tags"] for prediction in predictions]
    metrics = json.loads(scores.read_text())
    assert metrics["f1"] == pytest.approx(f1_score(gold, tags))
    assert metrics["precision"] == pytest.approx(precision_score(gold, tags))
    assert metrics["recall"] == pytest.approx(recall_score(gold, tags))
    assert metrics["support"] == 51
    assert {key for key in metrics if key.startswith("f1-")} == {"f1-LOC", "f1-MISC", "f1-ORG", "f1-PER"}
    assert "f1-PER" in completed.stdout + completed.stderr


def test_predict_reads_json_lines_keeps_order_and_reports_bad_lines(allennlp, teacher, tmp_path) -> None:
    lines = [
        '{"text": "Wangari Maathai alizaliwa Nyeri.", "id": 7}',
        "",
        '{"tokens": ["Nairobi", "ni", "jiji", "."]}',
        "{broken",
        '{"tokens": ["", "x"]}',
        '["a list"]',
        '{"text": "北京大学在中国。"}',
        '{"text": ""}',
    ]
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    allennlp(
        "predict", teacher, source, "--predictor", "ner", "--batch-size", "64", "--silent", "--output-file", output
    )
    first, second, broken, empty_word, a_list, chinese, nothing = read_lines(output)
    assert first["tokens"] == ["Wangari", "Maathai", "alizaliwa", "Nyeri", "."] and first["id"] == 7
    assert second["tokens"] == ["Nairobi", "ni", "jiji", "."] and second["text"] == "Nairobi ni jiji ."
    assert [broken["line"], empty_word["line"], a_list["line"]] == [3, 4, 5]
    assert "error" in broken and "is empty" in empty_word["error"] and "JSON object" in a_list["error"]
    assert len(chinese["tokens"]) == 8 and "".join(chinese["tokens"]) == chinese["text"]
    assert nothing["tokens"] == nothing["tags"] == nothing["entities"] == []


def test_predict_writes_conll_that_the_reader_reads_back(allennlp, teacher, tmp_path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.conll"
    text = (CORPORA / "sw" / "raw.txt").read_bytes()
    source.write_bytes(b"Jos\xe9\n" + text)  # not UTF-8: reported, and the others are answered
    options = ["--predictor", "ner_conll", "--predictor-args", '{"input_format": "text"}', "--batch-size", "50"]
    allennlp("predict", teacher, source, *options, "--use-dataset-reader", "--silent", "--output-file", output)
    (comment,), *blocks = conll_blocks(output)
    assert comment[0].startswith("# line 1: byte 0xe9 after 3 characters is not UTF-8")
    sentences = text.decode().splitlines()
    assert len(blocks) == len(sentences) == 160
    for block, sentence in zip(blocks, sentences):
        assert "".join(line[0] for line in block) == sentence.replace(" ", "")
    scores = tmp_path / "scores.json"
    allennlp("evaluate", teacher, output, "--output-file", scores, "-o", '{"validation_dataset_reader.repair": true}')
    assert json.loads(scores.read_text())["support"] == sum(len(get_entities([w[1] for w in b])) for b in blocks)


def test_a_label_that_the_model_does_not_know_is_named_with_its_place(allennlp, teacher, tmp_path) -> None:
    target = tmp_path / "target.conll"
    target.write_text("Nairobi\tB-LOC\n\nTusker\tB-PRODUCT\n", encoding="utf-8")
    completed = allennlp("evaluate", teacher, target, check=False)
    assert completed.returncode != 0
    assert f"{target}:3" in completed.stderr and "B-PRODUCT" in completed.stderr and "label_map" in completed.stderr


def test_training_continues_from_an_archive_in_another_language(allennlp, teacher, tmp_path) -> None:
    # No step is taken (learning rate 0), so what is evaluated is what was taken over.
    overrides = '{"trainer.num_epochs": 1, "trainer.optimizer.lr": 0.0}'
    config, run = CONFIGS / "few_labels.jsonnet", tmp_path / "few"
    allennlp("train", config, "-s", run, "-o", overrides, ENCODER=str(teacher), SOURCE="sw")
    f1 = []
    for archive in (teacher, run / "model.tar.gz"):
        allennlp("evaluate", archive, SWAHILI, "--output-file", tmp_path / "scores.json")
        f1.append(json.loads((tmp_path / "scores.json").read_text()))
    assert f1[0]["support"] == f1[1]["support"] == 51
    assert f1[0]["f1"] == pytest.approx(f1[1]["f1"])
    assert f1[0]["loss"] == pytest.approx(f1[1]["loss"], rel=1e-4)


def test_a_user_trains_recovers_evaluates_and_predicts(allennlp, tmp_path) -> None:
    """Away from the repository, whose package is found as a plugin. Forked processes come to the same weights."""
    (tmp_path / ".allennlp_plugins").write_text("lowresource_ner\n")
    anew = {"anew": True, "cwd": tmp_path, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])}
    callbacks = ["random_state", "recovery", "keep_last_epoch", "kill_at_batch"]
    overrides = {
        "trainer.num_epochs": 2,
        "trainer.optimizer.lr": 1e-3,
        "trainer.callbacks": [{"type": name} for name in callbacks],
        "dataset_reader.sample": 48,
        "data_loader.batch_sampler.batch_size": 8,
    }
    config, run = CONFIGS / "teacher.jsonnet", tmp_path / "run"
    kill_and_recover(allennlp, config, run, overrides, 9, **anew)
    train(allennlp, config, tmp_path / "forked", overrides)
    assert differing(best_weights(tmp_path / "forked"), best_weights(run)) == []

    archive, scores, output = run / "model.tar.gz", tmp_path / "scores.json", tmp_path / "out.jsonl"
    allennlp("evaluate", archive, SWAHILI, "--output-file", scores, **anew)
    allennlp("predict", archive, SWAHILI, "--use-dataset-reader", "--silent", "--output-file", output, **anew)
    answers = read_lines(output)
    gold, tags = ([answer[name] for answer in answers] for name in ("gold_tags", "tags"))
    assert gold == [[line[1] for line in block] for block in conll_blocks(SWAHILI)]
    assert json.loads(scores.read_text())["f1"] == pytest.approx(f1_score(gold, tags))
