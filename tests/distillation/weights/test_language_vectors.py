"""The reader of sentence vectors and languages."""

import numpy
import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader
from allennlp.data.dataset_readers.dataset_reader import WorkerInfo
from conftest import CORPORA, TINY_ENCODER, conll_blocks

from lowresource_ner.data import ConllNerReader
from lowresource_ner.distillation import LanguageVectorsReader, SentenceEncoder

PATHS = {language: str(CORPORA / language / "test.conll") for language in ("en", "de")}


def words_of(language: str) -> list:
    return [[line[0] for line in block] for block in conll_blocks(CORPORA / language / "test.conll")]


@pytest.fixture
def encoder() -> SentenceEncoder:
    return SentenceEncoder(str(TINY_ENCODER))


@pytest.fixture
def reader(encoder) -> LanguageVectorsReader:
    return LanguageVectorsReader(encoder, ConllNerReader(labelled=False))


def test_every_sentence_has_its_vector_and_its_language(reader, encoder) -> None:
    instances = list(reader.read(PATHS))
    read = [(instance["language"].label, instance["metadata"]["words"]) for instance in instances]
    assert read == [(language, words) for language in PATHS for words in words_of(language)]
    expected = encoder.encode([words for _, words in read])
    vectors = numpy.stack([instance["vector"].array for instance in instances])
    numpy.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)
    assert set(instances[0].fields) == {"vector", "language", "metadata"}
    assert instances[0]["metadata"]["place"].endswith("test.conll:1")
    assert instances[0]["language"]._label_namespace == "language_labels"


@pytest.mark.parametrize("path", [f"en={PATHS['en']},de={PATHS['de']}", f"de={PATHS['de']}", {"de": [PATHS["de"]]}])
def test_how_a_path_names_its_language(reader, path) -> None:
    languages = [instance["language"].label for instance in reader.read(path)]
    expected = ["en"] * len(words_of("en")) if "en" in path or "en=" in path else []
    assert languages == expected + ["de"] * len(words_of("de"))


@pytest.mark.parametrize("path", [PATHS["en"], f"en={PATHS['en']},{PATHS['de']}", "en=", {}])
def test_a_path_without_a_language_is_refused(reader, path) -> None:
    with pytest.raises(ConfigurationError, match="does not name its language"):
        list(reader.read(path))


def test_the_inner_reader_reads(encoder, tmp_path) -> None:
    """By default raw text; samples and held-out shares are its own."""
    text = tmp_path / "raw.txt"
    text.write_text("".join(f"Satz {number} aus Wien\n" for number in range(40)), encoding="utf-8")
    everything = [instance["metadata"]["words"] for instance in LanguageVectorsReader(encoder).read({"de": str(text)})]
    assert everything[3] == ["Satz", "3", "aus", "Wien"] and len(everything) == 40
    config = {"type": "language_vectors", "encoder": {"model_name": str(TINY_ENCODER)}}
    sampling = {**config, "reader": {"type": "raw_text", "sample": 7}}
    sampled = DatasetReader.from_params(Params(sampling)).read({"de": str(text)})
    assert len(list(sampled)) == 7
    with pytest.raises(ConfigurationError, match="'reader' of language_vectors is a LanguageVectorsReader"):
        LanguageVectorsReader(encoder, LanguageVectorsReader(encoder))


def test_workers_share_the_sentences(encoder) -> None:
    read = []
    for number in range(2):
        reader = LanguageVectorsReader(encoder, ConllNerReader(labelled=False))
        reader._set_worker_info(WorkerInfo(2, number))
        read.append([instance["metadata"]["words"] for instance in reader.read({"de": PATHS["de"]})])
    assert read == [words_of("de")[0::2], words_of("de")[1::2]]


def test_one_sentence(reader, encoder) -> None:
    instance = reader.text_to_instance(["Wien", "ist", "schön"])
    assert set(instance.fields) == {"vector", "metadata"}
    expected = encoder.encode([["Wien", "ist", "schön"]])[0]
    numpy.testing.assert_array_equal(instance["vector"].array, expected)
