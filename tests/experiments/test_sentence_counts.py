"""Counts of entities against seqeval."""

import json
from pathlib import Path
from typing import List

import pytest
from seqeval.metrics import classification_report

from lowresource_ner.experiments.report.sentence_counts import count, sentence_counts

GOLD = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG", "O"], ["B-LOC", "B-LOC"]]


@pytest.mark.parametrize(
    "predicted",
    [
        GOLD,
        [["B-PER", "O", "O", "B-LOC"], ["O", "B-LOC", "O"], ["B-LOC", "I-LOC"]],
        [["I-PER", "I-PER", "O", "I-LOC"], ["I-ORG", "B-ORG", "O"], ["B-LOC", "I-MISC"]],  # not valid, read leniently
        [["B-PER", "E-PER", "O", "S-LOC"], ["O", "S-ORG", "O"], ["S-LOC", "S-LOC"]],
        [["O"] * 4, ["O"] * 3, ["O"] * 2],
    ],
)
def test_scores_are_seqevals(predicted: List[List[str]]) -> None:
    found = count((["w"] * len(gold), gold, tags) for gold, tags in zip(GOLD, predicted)).scores()
    report = classification_report(GOLD, predicted, output_dict=True, zero_division=0)
    for name, suffix in [("micro avg", ""), *((name, f"-{name}") for name in ("PER", "LOC", "ORG"))]:
        expected = report[name]
        assert found[f"precision{suffix}"] == pytest.approx(expected["precision"])
        assert found[f"recall{suffix}"] == pytest.approx(expected["recall"])
        assert found[f"f1{suffix}"] == pytest.approx(expected["f1-score"])
        assert found[f"support{suffix}"] == expected["support"]


def test_counts_by_type_and_sentence() -> None:
    found = count([(["a", "b"], ["B-X-Y", "O"], ["B-X-Y", "B-Z"]), (["c"], ["B-Z"], ["O"])])
    assert found.types == ["X-Y", "Z"]
    assert found.counts.tolist() == [[[1, 1, 1], [0, 0, 0]], [[0, 1, 0], [0, 0, 1]]]
    assert found.totals.tolist() == [[1, 2, 1], [0, 0, 1]]


def test_the_digest_identifies_sentences() -> None:
    digest = count([(["a"], ["B-X"], ["O"])]).digest
    assert count([(["a"], ["S-X"], ["B-X"])]).digest == digest  # another scheme, another prediction
    assert count([(["b"], ["B-X"], ["O"])]).digest != digest
    assert count([(["a"], ["B-Y"], ["O"])]).digest != digest


class TestFiles:
    @pytest.fixture
    def data(self, tmp_path) -> Path:
        path = tmp_path / "test.conll"
        path.write_text("Ada\tB-PER\nsang\tO\n\nOslo\tB-LOC\n", encoding="utf-8")
        return path

    def read(self, data: Path, *lines: object) -> List[List[List[int]]]:
        path = data.with_name("predictions.jsonl")
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return sentence_counts(path, data).counts.tolist()

    def test_gold_tags_come_from_the_reader_or_else_from_the_file(self, data) -> None:
        found = [{"words": ["Ada", "sang"], "tags": ["B-PER", "O"]}, {"words": ["Oslo"], "tags": ["O"]}]
        assert self.read(data, *found) == [[[0, 0, 0], [0, 0, 1]], [[1, 1, 1], [0, 0, 0]]]
        for line, gold_tags in zip(found, (["B-ONE", "O"], ["O"])):
            line["gold_tags"] = gold_tags
        assert self.read(data, *found) == [[[0, 0, 1], [0, 0, 0]], [[0, 1, 0], [0, 0, 0]]]

    def test_predictions_that_do_not_fit_the_file_are_an_error(self, data) -> None:
        first, second = {"tags": ["O", "O"]}, {"tags": ["O"]}
        with pytest.raises(ValueError, match="predictions.jsonl has 1 sentences, and .*test.conll has 2"):
            self.read(data, first)
        with pytest.raises(ValueError, match="line 1: it has no tags, or not one for each word"):
            self.read(data, second, second)
        with pytest.raises(ValueError, match="line 2: too long"):
            self.read(data, first, {"line": 2, "error": "too long"})
