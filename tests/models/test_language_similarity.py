"""The model that tells languages apart, against its formulas in numpy."""

from typing import Any, Dict

import numpy
import pytest
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from conftest import TINY_ENCODER

from lowresource_ner.models import LanguageSimilarity
from lowresource_ner.modules import LanguageScores

LANGUAGES = ["de", "en", "sw"]
DIM = 32


def vocabulary() -> Vocabulary:
    vocab = Vocabulary()
    for language in LANGUAGES:
        vocab.add_token_to_namespace(language, "language_labels")
    return vocab


@pytest.fixture
def model() -> LanguageSimilarity:
    torch.manual_seed(3)
    return LanguageSimilarity(vocabulary(), str(TINY_ENCODER), rank=5)


@pytest.fixture
def means(model) -> Dict[str, torch.Tensor]:
    means = {language: torch.randn(DIM) for language in LANGUAGES}
    model.set_means(means)
    with torch.no_grad():
        model._scores.languages += 0.5 * torch.randn(3, DIM)  # trained a little
    return means


def weight(model: LanguageSimilarity, name: str) -> numpy.ndarray:
    return model.state_dict()[f"_scores.{name}"].numpy().astype(numpy.float64)


def by_hand(model: LanguageSimilarity, vectors: numpy.ndarray, means: numpy.ndarray) -> Dict[str, numpy.ndarray]:
    u, a = weight(model, "of_sentences.weight"), weight(model, "of_sentences.bias")
    v, b = weight(model, "of_languages.weight"), weight(model, "of_languages.bias")
    p = weight(model, "languages")
    scores = {name: numpy.zeros((len(vectors), 3)) for name in ("learned", "cosine", "l1", "l2")}
    for row, vector in enumerate(vectors):
        for column, mean in enumerate(means):
            scores["learned"][row, column] = (u @ vector + a) @ (v @ p[column] + b)
            norms = numpy.sqrt((vector**2).sum()) * numpy.sqrt((mean**2).sum())
            scores["cosine"][row, column] = vector @ mean / norms
            scores["l1"][row, column] = -numpy.abs(vector - mean).sum()
            scores["l2"][row, column] = -numpy.sqrt(((vector - mean) ** 2).sum())
    return scores


def test_scores_of_every_measure(model, means) -> None:
    vectors = torch.randn(40, DIM)
    stacked = numpy.stack([means[language].numpy() for language in LANGUAGES]).astype(numpy.float64)
    expected = by_hand(model, vectors.numpy().astype(numpy.float64), stacked)
    assert list(expected) == ["learned", "cosine", "l1", "l2"]
    for measure, scores in expected.items():
        computed = model.scores(vectors, measure)
        numpy.testing.assert_allclose(computed.detach().numpy(), scores, rtol=1e-5, atol=1e-5)


def test_the_penalty_is_the_papers_less_a_constant() -> None:
    """‖Pᵀ P − I_H‖_F² with its H × H matrix, and its gradient."""
    torch.manual_seed(3)
    scores = LanguageScores(3, DIM, 5).double()
    scores.orthogonality_penalty().backward()
    p = scores.languages.detach().clone().requires_grad_()
    dense = (p.T @ p - torch.eye(DIM, dtype=torch.float64)).square().sum()
    dense.backward()
    assert float((dense - scores.orthogonality_penalty()).detach()) == pytest.approx(DIM - 3, rel=1e-9)
    assert p.grad.abs().max() > 1
    torch.testing.assert_close(scores.languages.grad, p.grad, rtol=1e-10, atol=1e-10)


def test_the_loss_and_the_accuracy(model, means) -> None:
    vectors, languages = torch.randn(40, DIM), torch.randint(3, (40,))
    model(vector=vectors[:9], language=languages[:9], metadata=[{"is_repeated": True}] * 9)
    output = model(vector=vectors, language=languages, metadata=[{}] * 40)
    scores = output["scores"].detach().numpy().astype(numpy.float64)
    exponentials = numpy.exp(scores)
    chosen = exponentials[numpy.arange(40), languages.numpy()] / exponentials.sum(axis=1)
    p = weight(model, "languages")
    penalty = ((p @ p.T - numpy.eye(3)) ** 2).sum()
    assert float(output["loss"].detach()) == pytest.approx(-numpy.log(chosen).mean() + 0.01 * penalty, rel=1e-5)
    share = (scores.argmax(axis=1) == languages.numpy()).mean()
    assert 0 < share < 1 and model.get_metrics(reset=True) == {"accuracy": pytest.approx(share)}
    assert "loss" not in model(vector=vectors)
    named = model.make_output_human_readable(model(vector=vectors))["language"]
    assert named == [LANGUAGES[index] for index in scores.argmax(axis=1)]
    output["loss"].backward()
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert trained == {name for name, _ in model.named_parameters()} and len(trained) == 5


def test_embeddings_begin_at_the_means_which_stay(model, means) -> None:
    fresh = LanguageSimilarity(vocabulary(), str(TINY_ENCODER), rank=5)
    assert not fresh.has_means
    fresh.set_means(means)
    assert fresh.has_means
    stacked = torch.stack([means[language] for language in LANGUAGES])
    assert torch.equal(fresh._scores.languages, stacked) and torch.equal(fresh._scores.means, stacked)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh._scores.means, stacked) and not torch.equal(fresh._scores.languages, stacked)
    loaded = LanguageSimilarity(vocabulary(), str(TINY_ENCODER), rank=5)
    loaded.load_state_dict(model.state_dict())
    assert loaded.has_means


def test_a_text_of_each_language_is_learned(model) -> None:
    """Where the vectors tell the languages apart, the model learns to."""
    torch.manual_seed(3)
    centres, languages = torch.randn(3, DIM), torch.arange(3).repeat(20)
    vectors = centres[languages] + 0.3 * torch.randn(60, DIM)
    model.set_means({name: vectors[languages == index].mean(dim=0) for index, name in enumerate(LANGUAGES)})
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        output: Dict[str, Any] = model(vector=vectors, language=languages)
        output["loss"].backward()
        optimizer.step()
    assert torch.equal(output["scores"].argmax(dim=-1), languages)


def test_errors_are_explained(model) -> None:
    with pytest.raises(ConfigurationError, match="'measure' is 'dot'; it is one of learned, cosine, l1, l2"):
        model.scores(torch.randn(1, DIM), "dot")
    with pytest.raises(ConfigurationError, match="trained without the callback 'language_means'"):
        model.scores(torch.randn(1, DIM), "l2")
    with pytest.raises(ConfigurationError, match="has no languages .*'language_labels'"):
        LanguageSimilarity(Vocabulary(), str(TINY_ENCODER))
