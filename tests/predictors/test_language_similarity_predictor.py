"""Languages of texts, line by line, against distances in numpy."""

import json
from typing import Any, Dict, List

import numpy
import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.predictors import Predictor
from conftest import TINY_ENCODER

from lowresource_ner.distillation import LanguageVectorsReader, SentenceEncoder
from lowresource_ner.models import LanguageSimilarity
from lowresource_ner.predictors import LanguageSimilarityPredictor, NerPredictor

LANGUAGES = ["de", "en", "sw"]
ENCODER = str(TINY_ENCODER)


@pytest.fixture(scope="module")
def means() -> Dict[str, numpy.ndarray]:
    """Those of one sentence a language."""
    texts = {"de": "Sie wohnt in Hamburg .", "en": "She lives in Accra .", "sw": "Anaishi Dodoma ."}
    return {language: SentenceEncoder(ENCODER).encode([text.split()])[0] for language, text in texts.items()}


@pytest.fixture(scope="module")
def model(means) -> LanguageSimilarity:
    torch.manual_seed(3)
    vocab = Vocabulary()
    vocab.add_tokens_to_namespace(LANGUAGES, "language_labels")
    model = LanguageSimilarity(vocab, ENCODER, rank=5)
    model.set_means({language: torch.from_numpy(mean) for language, mean in means.items()})
    return model


def predictor(model: LanguageSimilarity, **options: Any) -> LanguageSimilarityPredictor:
    return LanguageSimilarityPredictor(model, LanguageVectorsReader(SentenceEncoder(ENCODER)), **options)


def outputs(predictor: Predictor, lines: List[str]) -> List[Dict[str, Any]]:
    """As `allennlp predict` asks for them."""
    answers = predictor.predict_batch_json([predictor.load_line(line) for line in lines])
    return [json.loads(predictor.dump_line(answer)) for answer in answers]


def test_scores_are_those_of_the_sentence_alone(model, means) -> None:
    lines = [
        json.dumps({"id": 7, "tokens": ["Anaishi", "Dodoma", "."]}),
        json.dumps({"text": "Sie wohnt seit vielen Jahren in Hamburg."}),
        "{broken",
        json.dumps({"text": ""}),
    ]
    first, second, broken, empty = outputs(predictor(model, measure="l2"), lines)
    for answer, words in (
        (first, ["Anaishi", "Dodoma", "."]),
        (second, ["Sie", "wohnt", "seit", "vielen", "Jahren", "in", "Hamburg", "."]),
    ):
        vector = SentenceEncoder(ENCODER).encode([words])[0]
        expected = {language: -float(numpy.linalg.norm(vector - mean)) for language, mean in means.items()}
        assert answer["tokens"] == words and answer["scores"] == pytest.approx(expected, abs=1e-5)
        assert answer["language"] == max(expected, key=lambda language: expected[language])
    assert first["id"] == 7 and first["language"] == "sw" and first["scores"]["sw"] == 0
    assert broken["line"] == 3 and "error" in broken
    assert (empty["tokens"], empty["language"], empty["scores"]) == ([], None, {})


def test_it_reads_files_itself_and_hands_no_error_through(model, tmp_path) -> None:
    path = tmp_path / "input.jsonl"
    path.write_bytes(
        b'{"text": "Jos\xe9"}\n{"text": "Jos\xc3\xa9", "error": 1, "scores": 2, "id": 3}\n{"text": "a\\u0000"}\n'
    )
    reads = predictor(model, input_format="json")
    answers = reads.predict_batch_instance(list(reads._dataset_reader.read(str(path))))
    bad, good, nul = [json.loads(reads.dump_line(answer)) for answer in answers]
    assert bad["line"] == 1 and "not UTF-8" in bad["error"] and nul["line"] == 3 and "NUL" in nul["error"]
    assert (
        good["tokens"] == ["José"] and good["id"] == 3 and set(good["scores"]) == set(LANGUAGES) and "error" not in good
    )


def test_an_unknown_measure_is_an_error_at_once(model) -> None:
    with pytest.raises(ConfigurationError, match="'measure' is 'manhattan'; it is one of learned, cosine, l1, l2"):
        predictor(model, measure="manhattan")


def test_archives_of_other_kinds_are_refused(model) -> None:
    reader = LanguageVectorsReader(SentenceEncoder(ENCODER))
    with pytest.raises(ConfigurationError, match="reader, LanguageVectorsReader, has no token indexers"):
        NerPredictor(model, reader)
    with pytest.raises(ConfigurationError, match="Predict with the archive of a 'language_similarity'"):
        LanguageSimilarityPredictor(torch.nn.Linear(1, 1), reader)
