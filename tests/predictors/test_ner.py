"""The predictors in one process: batches, offsets, sentences, distributions, and what is refused."""

import json
import random

import pytest
from allennlp.common.checks import ConfigurationError
from allennlp.models import load_archive
from conftest import CORPORA, conll_blocks

from lowresource_ner.predictors import NerConllPredictor, NerPredictor


@pytest.fixture(scope="module")
def archive(teacher):
    return load_archive(teacher)


def predictor(archive, **options) -> NerPredictor:
    return NerPredictor(archive.model, archive.dataset_reader, **options)


def sentences() -> list:
    blocks = conll_blocks(CORPORA / "de" / "test.conll") + conll_blocks(CORPORA / "sw" / "test.conll")
    return [[line[0] for line in block] for block in blocks]


def test_order_and_answers_do_not_depend_on_the_batches(archive) -> None:
    words = sentences() + [["Wort"] * 700, ["x" * 900]]  # far beyond the 128 sub-words that the encoder reads at once
    random.Random(1).shuffle(words)
    inputs = [{"tokens": sentence} for sentence in words]
    whole = predictor(archive).predict_batch_json(inputs)
    single = [predictor(archive, batch_size=1).predict_json(item) for item in inputs]
    assert [output["tokens"] for output in whole] == words
    assert [output["tags"] for output in whole] == [output["tags"] for output in single]
    assert all(len(output["tags"]) == len(output["tokens"]) for output in whole)
    for one, other in zip(whole, single):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_the_fast_way_equals_allennlps_own(archive) -> None:
    instances = list(archive.dataset_reader.read(CORPORA / "de" / "test.conll"))
    expected = archive.model.eval().forward_on_instances(instances)
    got = predictor(archive).predict_batch_instance(instances)
    for output, reference in zip(got, expected):
        assert output["tags"] == reference["tags"]
        confidences = [entity["confidence"] for entity in reference["entities"]]
        assert [entity["confidence"] for entity in output["entities"]] == pytest.approx(confidences, abs=1e-4)


def test_distributions_on_demand(archive) -> None:
    output = predictor(archive, distributions=True).predict_json({"tokens": ["Nairobi", "ni", "jiji"]})
    assert output["labels"] == archive.model.labels and len(output["distributions"]) == 3
    for tag, probability, word in zip(output["tags"], output["probabilities"], output["distributions"]):
        assert sum(word) == pytest.approx(1, abs=1e-4)
        assert max(word) == probability == word[output["labels"].index(tag)]
    assert "distributions" not in predictor(archive).predict_json({"tokens": ["Nairobi"]})


def test_a_text_is_tagged_sentence_by_sentence_on_demand(archive) -> None:
    parts = ["Angela Merkel besuchte Kenia.", "Danach flog sie nach Wien!", "Berlin?"]
    text = "  ".join(parts)
    output = predictor(archive, split_sentences=True).predict_json({"text": text})
    alone = [predictor(archive).predict_json({"text": part}) for part in parts]
    assert output["tokens"] == [token for part in alone for token in part["tokens"]]
    assert output["tags"] == [tag for part in alone for tag in part["tags"]]
    assert [e["text"] for e in output["entities"]] == [e["text"] for part in alone for e in part["entities"]]
    assert all(text[e["start_char"] : e["end_char"]] == e["text"] for e in output["entities"])
    assert all(e["text"].startswith(output["tokens"][e["start_token"]]) for e in output["entities"])


def test_the_tokenizer_is_the_users_choice(archive) -> None:
    text = {"text": "Frankfurt (Oder), z.B."}
    assert predictor(archive).predict_json(text)["tokens"][:4] == ["Frankfurt", "(", "Oder", ")"]
    spaces = predictor(archive, tokenizer="just_spaces").predict_json(text)
    assert spaces["tokens"] == ["Frankfurt", "(Oder),", "z.B."]
    german = predictor(archive, tokenizer={"type": "spacy_rules", "language": "de"}).predict_json(text)
    assert german["tokens"][-1] == "z.B."


@pytest.mark.parametrize(
    "item", [{"tokens": "text"}, {"tokens": [1]}, {"tokens": [""]}, {"words": ["a"]}, {"text": 3}, ["a"]]
)
def test_input_of_another_shape_is_refused(archive, item) -> None:
    with pytest.raises(ValueError, match="tokens|text|object"):
        predictor(archive).predict_json(item)


def test_bad_lines_are_numbered_among_those_that_are_passed_on(archive, caplog) -> None:
    tagger = predictor(archive)
    lines = ['{"tokens": ["a"]}', "[", '{"text": "b"}', "{}"]
    outputs = tagger.predict_batch_json([tagger.load_line(line) for line in lines])
    assert [output.get("line") for output in outputs] == [None, 2, None, 4]
    assert "line 2: " in caplog.text and "line 4: " in caplog.text
    assert all(json.loads(tagger.dump_line(output)) == output for output in outputs)


def test_conll_output_of_bad_lines_and_awkward_words(archive) -> None:
    tagger = NerConllPredictor(archive.model, archive.dataset_reader)
    lines = ["[", '{"tokens": ["#", "New York"]}', '{"text": ""}']
    outputs = [
        tagger.dump_line(output) for output in tagger.predict_batch_json([tagger.load_line(line) for line in lines])
    ]
    assert outputs[0].startswith("# line 1: ") and outputs[2] == "# line 3: the text has no words\n\n"
    assert [line.split("\t")[0] for line in outputs[1].strip().split("\n")] == ["#", "New York"]


def test_a_sentence_of_a_file_that_conll_cannot_hold_is_named_by_its_place(archive) -> None:
    tagger = NerConllPredictor(archive.model, archive.dataset_reader)
    instance = archive.dataset_reader.text_to_instance
    instances = [instance(["-DOCSTART-", "x"], place="a\tb.txt:7"), instance(["Nairobi"], place="a\tb.txt:8")]
    comment, block = [tagger.dump_line(output) for output in tagger.predict_batch_instance(instances)]
    assert comment.startswith(r"# a\tb.txt:7: the answer cannot be written: the token '-DOCSTART-'")
    assert comment.endswith("\n\n") and comment.count("\n") == 2 and block.startswith("Nairobi\t")


def test_odd_words_are_tagged(archive) -> None:
    """Words of which an encoder's tokenizer may leave nothing."""
    words = ["\u00a0", " ", "\u200d", "\ufeff", "\u2028", "\x7f", "\ufffd", "x" * 5000, "\U000e0001", "😀"]
    answer = predictor(archive).predict_json({"tokens": words})
    assert answer["tokens"] == words and len(answer["tags"]) == len(answer["probabilities"]) == len(words)


def test_tokens_of_a_text_keep_its_offsets(archive) -> None:
    text = "Arusha,Moshi  (Tanzania)"
    output = predictor(archive).predict_json({"tokens": ["Arusha", ",", "Moshi", "(", "Tanzania", ")"], "text": text})
    assert output["text"] == text
    assert all(text[e["start_char"] : e["end_char"]] == e["text"] for e in output["entities"])


def test_options_are_checked(archive) -> None:
    with pytest.raises(ConfigurationError, match="'input_format' is 'csv'"):
        predictor(archive, input_format="csv")
    with pytest.raises(ConfigurationError, match="no token indexers"):
        NerPredictor(archive.model, object())
