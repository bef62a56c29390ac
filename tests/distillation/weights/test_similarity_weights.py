"""Weights of teachers by the similarity of languages, against the formulas in numpy."""

import shutil
from pathlib import Path
from typing import Any, List, Tuple

import numpy
import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, REPOSITORY, TINY_ENCODER, conll_blocks

from lowresource_ner.archives.archive import Archive
from lowresource_ner.distillation import SentenceEncoder, SimilarityWeights, TeacherWeights
from lowresource_ner.distillation.weights.language_scorer import LanguageScorer
from lowresource_ner.distillation.weights.source_similarities import source_similarities

CONFIG = REPOSITORY / "training_configs/cross_lingual/similarity.jsonnet"
MEASURES = ["learned", "cosine", "l1", "l2"]


@pytest.fixture(scope="module")
def archive(settings, tmp_path_factory) -> Path:
    """A model of three languages."""
    folder = tmp_path_factory.mktemp("similarity")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "SOURCES": "en,de,sw"}.items():
            patch.setenv(name, value)
        overrides = {"trainer.num_epochs": 2, "trainer.optimizer.lr": 1e-2}
        train_model(Params.from_file(CONFIG, overrides), str(folder / "run"))
    return folder / "run" / "model.tar.gz"


@pytest.fixture(scope="module")
def corpus() -> List[List[str]]:
    return [[line[0] for line in block] for block in conll_blocks(CORPORA / "es" / "test.conll")]


def by_hand(archive: Path, measure: str, languages: List[str], words: Any) -> Tuple[float, numpy.ndarray]:
    """τ and (num_sentences, num_languages) weights."""
    with Archive(archive) as opened:
        known = opened.tokens("language_labels")
        state = {name.split(".", 1)[1]: value.numpy() for name, value in opened.weights().items()}
    state = {name: value.astype(numpy.float64) for name, value in state.items()}
    vectors = SentenceEncoder(str(TINY_ENCODER), "mean").encode(words).astype(numpy.float64)
    of_sentences = vectors @ state["of_sentences.weight"].T + state["of_sentences.bias"]
    of_languages = state["languages"] @ state["of_languages.weight"].T + state["of_languages.bias"]
    differences = vectors[:, None] - state["means"][None]
    norms = numpy.linalg.norm(vectors, axis=1)[:, None] * numpy.linalg.norm(state["means"], axis=1)
    scores = {
        "learned": of_sentences @ of_languages.T,
        "cosine": vectors @ state["means"].T / norms,
        "l1": -numpy.abs(differences).sum(axis=2),
        "l2": -numpy.sqrt((differences**2).sum(axis=2)),
    }[measure][:, [known.index(language) for language in languages]]
    mean = sum(score for row in scores for score in row) / scores.size
    variance = sum((score - mean) ** 2 for row in scores for score in row) / (scores.size - 1)
    exponentials = numpy.exp((scores - scores.max(axis=1, keepdims=True)) / variance)
    return 1 / variance, exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("teachers", [["en", "de", "sw"], ["sw", "en"]])
def test_both_levels(archive, corpus, measure, teachers) -> None:
    """Of teachers that are some of the archive's languages, in an order of their own."""
    tau, alpha = by_hand(archive, measure, teachers, corpus)
    assert alpha.std(axis=0).max() > 1e-3, "the sentences differ"
    for level in ("corpus", "sentence"):
        weights = SimilarityWeights(str(archive), measure, level)
        weights.check(teachers)
        summary = weights.prepare(teachers, lambda: iter(corpus))
        assert (summary["measure"], summary["level"], summary["sentences"]) == (measure, level, len(corpus))
        assert summary["tau"] == pytest.approx(tau, rel=1e-3)
        assert list(summary["alpha"]) == teachers
        assert list(summary["alpha"].values()) == pytest.approx(alpha.mean(axis=0).tolist(), abs=2e-3)
        rows = weights.weights(teachers, corpus[3:20])
        expected = alpha[3:20] if level == "sentence" else numpy.tile(alpha.mean(axis=0), (17, 1))
        assert rows.dtype == numpy.float32
        numpy.testing.assert_allclose(rows, expected, rtol=0, atol=2e-3)
        numpy.testing.assert_allclose(rows.sum(axis=1), 1, rtol=0, atol=1e-6)


def test_sources_are_as_similar_as_their_teachers_count(archive, corpus, monkeypatch) -> None:
    monkeypatch.setattr("lowresource_ner.distillation.corpus.MOST_SENTENCES", 7)
    scorer = LanguageScorer(str(archive))
    found = source_similarities(scorer, lambda: iter(corpus))
    assert found.num_sentences == len(corpus) and set(found.weights) == set(MEASURES)
    for measure in MEASURES:
        tau, alpha = by_hand(archive, measure, scorer.languages, corpus)
        expected = dict(zip(scorer.languages, alpha.mean(axis=0).tolist()))
        assert found.tau[measure] == pytest.approx(tau, rel=1e-3)
        assert found.weights[measure] == pytest.approx(expected, abs=2e-3)
        weights = [found.weights[measure][language] for language in found.ranking(measure)]
        assert weights == sorted(weights, reverse=True) and len(weights) == 3
    with pytest.raises(ConfigurationError, match="no sentences in the text"):
        source_similarities(scorer, lambda: [])
    monkeypatch.setattr(LanguageScorer, "languages", ["en"])
    with pytest.raises(ConfigurationError, match="Only one source language is known, en"):
        source_similarities(scorer, lambda: corpus)


def test_a_corpus_is_read_in_blocks(archive, corpus, monkeypatch) -> None:
    whole, parts = SimilarityWeights(str(archive)), SimilarityWeights(str(archive))
    first = whole.prepare(["en", "de"], lambda: corpus)
    monkeypatch.setattr("lowresource_ner.distillation.corpus.MOST_SENTENCES", 7)
    second = parts.prepare(["en", "de"], lambda: (words for words in corpus))
    assert second["sentences"] == first["sentences"] == len(corpus)
    assert list(second["alpha"].values()) == pytest.approx(list(first["alpha"].values()), abs=1e-4)


def test_teachers_of_other_names(archive, corpus) -> None:
    plain = SimilarityWeights(str(archive))
    expected = plain.prepare(["en", "de"], lambda: corpus)["alpha"]
    named = SimilarityWeights(str(archive), languages={"english": "en"})
    named.check(["english", "de"])
    found = named.prepare(["english", "de"], lambda: corpus)["alpha"]
    assert found == pytest.approx({"english": expected["en"], "de": expected["de"]})
    with pytest.raises(ConfigurationError, match="'languages' .* names english; the teachers are en, de"):
        named.check(["en", "de"])
    with pytest.raises(ConfigurationError, match="languages are en, fr, but .*model.tar.gz has .*sw"):
        plain.prepare(["en", "fr"], lambda: corpus)


@pytest.mark.parametrize("level", ["corpus", "sentence"])
def test_teachers_count_alike_where_all_scores_are_the_same(archive, level) -> None:
    """Two teachers of one language, and one sentence again and again; and a corpus without sentences."""
    weights = SimilarityWeights(str(archive), level=level, languages={"first": "en", "second": "en"})
    for corpus in ([["Hola"]] * 3, [["Hola"]], []):
        assert weights.prepare(["first", "second"], lambda corpus=corpus: corpus)["tau"] == 0
        assert weights.weights(["first", "second"], [["Hola"]] * 2).tolist() == [[0.5, 0.5]] * 2
    weights.prepare(["first"], lambda: [["Hola"]])
    assert weights.weights(["first"], [["Hola"]]).tolist() == [[1.0]]


@pytest.mark.parametrize("level", ["corpus", "sentence"])
def test_rounding_makes_no_difference_between_teachers(level, monkeypatch) -> None:
    """Scores that are the same but for their last bits, as batches of other sizes or another processor's sums leave them."""
    noise = numpy.random.default_rng(3).integers(-4, 5, size=(40, 2)) * numpy.finfo(numpy.float32).epsneg
    scores = (-0.7 * (1 + noise)).astype(numpy.float32)
    monkeypatch.setattr(SimilarityWeights, "_scores", lambda self, teachers, sentences: scores[: len(sentences)])
    weights = SimilarityWeights("unused", level=level)
    assert weights.prepare(["en", "de"], lambda: [["Hola"]] * 40)["tau"] == 0
    assert weights.weights(["en", "de"], [["Hola"]] * 40).tolist() == [[0.5, 0.5]] * 40
    scores[20:] *= 1.001  # more than rounding
    summary = weights.prepare(["en", "de"], lambda: [["Hola"]] * 40)
    assert summary["tau"] == pytest.approx(1 / numpy.var(scores.astype(float), ddof=1))


def test_making_one_opens_no_file(tmp_path, corpus) -> None:
    """A student's archive names its weights, and must load where they are not."""
    config = {"type": "similarity", "archive_file": str(tmp_path / "none.tar.gz"), "measure": "l2", "level": "sentence"}
    weights = TeacherWeights.from_params(Params(config))
    assert isinstance(weights, SimilarityWeights)
    weights.check(["en", "de"])
    with pytest.raises(ConfigurationError, match="none.tar.gz', which is not an archive .*similarity.jsonnet"):
        weights.prepare(["en", "de"], lambda: corpus)
    with pytest.raises(RuntimeError, match="Call 'prepare'"):
        weights.weights(["en", "de"], corpus)


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"measure": "dot"}, "'measure' of the weights is 'dot'; it is one of learned, cosine, l1, l2"),
        ({"level": "word"}, "'level' of the weights is 'word'; it is one of corpus, sentence"),
    ],
)
def test_what_is_unknown_is_refused(options, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        SimilarityWeights("unused", **options)


def test_an_archive_of_another_kind_is_refused(teacher, corpus) -> None:
    with pytest.raises(ConfigurationError, match="cannot score languages: its model is a MbertTagger"):
        SimilarityWeights(str(teacher)).prepare(["en", "de"], lambda: corpus)


def test_the_encoder_is_found_by_name_or_where_the_overrides_say(settings, tmp_path, corpus, monkeypatch) -> None:
    """An archive holds its encoder's config alone; the encoder may have been moved."""
    encoder = shutil.copytree(TINY_ENCODER, tmp_path / "encoder")
    for name, value in {**settings, "SOURCES": "en,de", "ENCODER": str(encoder)}.items():
        monkeypatch.setenv(name, value)
    train_model(Params.from_file(CONFIG, {"trainer.num_epochs": 1}), str(tmp_path / "run"))
    here = SimilarityWeights(str(tmp_path / "run"))
    expected = here.prepare(["en", "de"], lambda: corpus)
    encoder.rename(tmp_path / "moved")
    with pytest.raises(ConfigurationError, match=f"encoder '{encoder}' cannot be read"):
        SimilarityWeights(str(tmp_path / "run")).prepare(["en", "de"], lambda: corpus)
    overrides = {"dataset_reader.encoder.model_name": str(tmp_path / "moved")}
    there = SimilarityWeights(str(tmp_path / "run" / "model.tar.gz"), overrides=overrides)
    found = there.prepare(["en", "de"], lambda: corpus)
    assert found.pop("alpha") == pytest.approx(expected.pop("alpha"), rel=1e-3)
    assert found.pop("tau") == pytest.approx(expected.pop("tau"), rel=1e-3)
    assert found == expected == {"measure": "learned", "level": "corpus", "sentences": len(corpus)}


def test_loading_draws_on_no_random_numbers(archive, corpus) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    SimilarityWeights(str(archive)).prepare(["en", "de"], lambda: corpus)
    assert torch.equal(torch.rand(1), expected)
