"""Which sentences are kept, against the discriminator's formula on each sentence alone."""

import copy
import random
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Vocabulary
from allennlp.models import Model, load_archive
from allennlp.models.archival import archive_model
from conftest import CORPORA, TINY_ENCODER

import lowresource_ner.distillation.corpus as corpus_blocks
import lowresource_ner.distillation.selections.language_independence as language_independence
from lowresource_ner.distillation import LanguageIndependence
from lowresource_ner.models.adversarial_tagger import AdversarialTagger

Words = List[str]
UNUSED: Any = None
"""In place of the teachers, which are not asked."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    """An adversarial tagger that was not trained, with a discriminator that has opinions."""
    folder = tmp_path_factory.mktemp("adversarial")
    embedder = {"type": "subword_transformer", "model_name": str(TINY_ENCODER), "max_length": 20}
    indexers = {"encoder": {"type": "subwords", "model_name": str(TINY_ENCODER)}}
    config = {
        "dataset_reader": {"type": "conll_ner", "token_indexers": indexers},
        "model": {"type": "adversarial_tagger", "text_field_embedder": {"token_embedders": {"encoder": embedder}}},
    }
    Params(config).to_file(str(folder / "config.json"))
    reader = DatasetReader.from_params(Params(config).duplicate()["dataset_reader"], serialization_dir=str(folder))
    vocab = Vocabulary.from_instances(reader.read(CORPORA / "en" / "dev.conll"))
    vocab.save_to_files(str(folder / "vocabulary"))
    torch.manual_seed(7)
    model: Any = Model.from_params(Params(config).duplicate()["model"], vocab=vocab, serialization_dir=str(folder))
    torch.nn.init.normal_(model.discriminator.output.weight, std=0.5)
    torch.save(model.state_dict(), folder / "best.th")
    return archive_model(folder)


@pytest.fixture(scope="module")
def text() -> List[Words]:
    lines = (CORPORA / "es" / "raw.txt").read_text(encoding="utf-8").splitlines()[:45]
    return [line.split(" ") for line in lines]


@pytest.fixture(scope="module")
def scores(archive: str, text: List[Words]) -> List[float]:
    """1 - |p̄ - 0.5|, each sentence alone, in double precision from the word vectors on."""
    loaded = load_archive(archive)
    model: Any = loaded.model.eval()
    found = []
    for words in text:
        instance = loaded.dataset_reader.text_to_instance(words)
        loaded.dataset_reader.apply_token_indexers(instance)
        instance.index_fields(model.vocab)
        tokens = instance["tokens"].as_tensor(instance["tokens"].get_padding_lengths())
        with torch.no_grad():
            batched = {"encoder": {name: tensor.unsqueeze(0) for name, tensor in tokens["encoder"].items()}}
            vectors = model._embedder(batched)[0].double()
            layers = copy.deepcopy(model.discriminator).double()
            logits = (vectors @ layers.hidden.weight.T + layers.hidden.bias).relu() @ layers.output.weight[0]
            probabilities = 1 / (1 + (-logits - layers.output.bias).exp())
        assert len(probabilities) == len(words)
        found.append(1 - abs(sum(probabilities.tolist()) / len(words) - 0.5))
    return found


def prepared(archive: str, text: List[Words], **options: Any) -> Tuple[LanguageIndependence, Dict[str, Any]]:
    """A selection, and what it says of the text."""
    selection = LanguageIndependence(archive, **options)
    return selection, selection.prepare(lambda: iter(text), UNUSED)


def kept(selection: LanguageIndependence, text: List[Words]) -> List[bool]:
    weights = selection.word_weights(text, [])
    for words, each in zip(text, weights):
        assert each is None or (each.dtype == numpy.float32 and each.tolist() == [1.0] * len(words))
    return [each is not None for each in weights]


@pytest.mark.parametrize("share, number", [(0.8, 36), (0.5, 22), (0.01, 1), (1.0, 45)])
def test_the_most_independent_share_is_kept(archive, text, scores, share, number, monkeypatch) -> None:
    """Judged in blocks and small batches, in another order than asked for."""
    monkeypatch.setattr(corpus_blocks, "MOST_SENTENCES", 16)
    selection, summary = prepared(archive, text, share=share, batch_size=150)
    order = sorted(range(len(text)), key=lambda index: -scores[index])
    if number < len(text):
        assert scores[order[number - 1]] - scores[order[number]] > 1e-4, "too near to be sure of"
    best = set(order[:number])
    backwards = list(range(len(text)))[::-1]
    assert kept(selection, [text[index] for index in backwards]) == [index in best for index in backwards]
    assert summary.pop("threshold") == pytest.approx(scores[order[number - 1]], abs=1e-5)
    assert summary.pop("mean_independence") == pytest.approx(sum(scores) / len(scores), abs=1e-5)
    assert summary == {"num_sentences": 45, "num_kept": number, "share_kept": number / 45}


def test_a_sentence_that_stands_there_often_is_kept_as_often(archive, text, scores) -> None:
    worst, best = (text[function(range(45), key=lambda index: scores[index])] for function in (min, max))
    corpus = [best] * 6 + text[:10] + [worst] * 4 + text[10:]
    selection, summary = prepared(archive, corpus, share=0.8)
    found = kept(selection, corpus)
    assert found[:6] == [True] * 6 and found[16:20] == [False] * 4
    assert sum(found) == summary["num_kept"] == round(0.8 * 55)
    # At the threshold all of them are kept.
    _, summary = prepared(archive, [worst] * 5 + [best], share=0.5)
    assert summary["num_kept"] == 6


def test_rounding_does_not_choose_between_sentences(archive, monkeypatch) -> None:
    """At the threshold, sentences that are as independent as one another but for their last bits are all kept."""
    scores = {"best": 0.9, "one": 0.8, "two": 0.8 + 5e-8, "three": 0.8 - 5e-8, "worse": 0.799, "worst": 0.7}
    monkeypatch.setattr(
        language_independence._Discriminator,
        "independence",
        lambda self, sentences: numpy.array([scores[word] for (word,) in sentences]),
    )
    corpus = [[word] for word in scores]
    for share in (2 / 6, 3 / 6, 4 / 6):
        selection, summary = prepared(archive, corpus, share=share)
        assert kept(selection, corpus) == [True] * 4 + [False] * 2
        assert summary["num_kept"] == 4
        assert summary["threshold"] == scores["three"]


def test_probabilities_that_are_no_numbers_are_told(archive, text, monkeypatch) -> None:
    monkeypatch.setattr(
        AdversarialTagger,
        "language_probabilities",
        lambda self, tokens: torch.full((len(tokens["encoder"]["mask"]), 99), torch.nan),
    )
    with pytest.raises(
        ConfigurationError, match=f"discriminator of {archive} gives probabilities that are not finite.* Train it again"
    ):
        prepared(archive, text)


def test_what_was_not_judged_is_not_kept(archive, text) -> None:
    selection, _ = prepared(archive, text[:20], share=1.0)
    assert kept(selection, [text[30], text[0], ["never", "seen"]]) == [False, True, False]
    with pytest.raises(RuntimeError, match="Call 'prepare' of"):
        LanguageIndependence(archive).word_weights(text, [])


def test_another_corpus_takes_the_place_of_the_first(archive, text) -> None:
    selection, _ = prepared(archive, text[:20], share=1.0)
    selection.prepare(lambda: iter(text[20:]), UNUSED)
    assert kept(selection, text) == [False] * 20 + [True] * 25


def test_random_numbers_are_left_as_they_are(archive, text) -> None:
    def draw() -> Dict[str, float]:
        return {"python": random.random(), "numpy": numpy.random.rand(), "torch": float(torch.rand(()))}

    drawn = []
    for work in (False, True):
        random.seed(3), numpy.random.seed(3), torch.manual_seed(3)
        if work:
            prepared(archive, text)
        drawn.append(draw())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("share", [0, -0.5, 1.5, float("nan")])
def test_a_share_that_is_none(share) -> None:
    with pytest.raises(ConfigurationError, match="'share' of language_independence is"):
        LanguageIndependence("unused", share=share)


def test_archives_that_cannot_judge(teacher: Path, tmp_path) -> None:
    """The archive is looked at when it is needed, and not before."""
    missing = LanguageIndependence(str(tmp_path / "none.tar.gz"))
    with pytest.raises(ConfigurationError, match="none.tar.gz', which is not an archive"):
        missing.prepare(lambda: [["a"]], UNUSED)
    with pytest.raises(
        ConfigurationError, match="has no language discriminator: its model is a MbertTagger.*adversarial"
    ):
        LanguageIndependence(str(teacher)).prepare(lambda: [["a"]], UNUSED)


def test_a_corpus_without_sentences(archive) -> None:
    with pytest.raises(ConfigurationError, match="no sentences for language_independence"):
        prepared(archive, [])
