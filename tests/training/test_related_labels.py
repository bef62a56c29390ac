"""Label embeddings against canonical correlation analysis of the one-hot views, and in cases with a known answer."""

from itertools import chain
from typing import Iterator

import numpy
import pytest
import scipy.sparse
from allennlp.common.checks import ConfigurationError
from conftest import CORPORA, conll_blocks
from sklearn.cross_decomposition import CCA

from lowresource_ner.training.related_labels import TaggedSentence, canonical_variates, relate_labels

COUNTS = numpy.array([[9, 2, 0, 1, 4], [1, 8, 3, 0, 0], [0, 1, 7, 2, 1], [2, 2, 2, 9, 0]])


def one_hot(counts: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Returns the two views, with a row for each counted pair: (num_pairs, num_labels) and (num_pairs, num_contexts)."""
    labels, contexts = numpy.nonzero(counts)
    numbers = counts[labels, contexts]
    return numpy.eye(counts.shape[0])[labels.repeat(numbers)], numpy.eye(counts.shape[1])[contexts.repeat(numbers)]


def same_up_to_sign(first: numpy.ndarray, second: numpy.ndarray) -> numpy.ndarray:
    """Returns the absolute correlation of each pair of columns."""
    return numpy.array([abs(numpy.corrcoef(a, b)[0, 1]) for a, b in zip(first.T, second.T)])


def test_variates_solve_the_generalised_eigenproblem() -> None:
    labels, contexts = one_hot(COUNTS)
    covariance = numpy.cov(labels.T, contexts.T, bias=True)
    (c_ll, c_lc), (_, c_cc) = ((rows[:, :4], rows[:, 4:]) for rows in (covariance[:4], covariance[4:]))
    # One-hot views are centred, so that their covariances have no inverse.
    squares, weights = numpy.linalg.eig(numpy.linalg.pinv(c_ll) @ c_lc @ numpy.linalg.pinv(c_cc) @ c_lc.T)
    order = numpy.argsort(-squares.real)[:3]
    variates, correlations = canonical_variates(scipy.sparse.csr_matrix(COUNTS))
    assert variates.shape == (4, 3)
    numpy.testing.assert_allclose(correlations, numpy.sqrt(squares.real[order]), rtol=1e-10)
    found, expected = labels @ variates, labels @ weights.real[:, order]
    numpy.testing.assert_allclose(same_up_to_sign(found, expected), 1, rtol=1e-10)
    numpy.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    numpy.testing.assert_allclose(found.T @ found / len(found), numpy.eye(3), atol=1e-12)


def test_variates_equal_those_of_scikit_learn() -> None:
    labels, contexts = one_hot(COUNTS)
    cca = CCA(n_components=2, scale=False, max_iter=10_000, tol=1e-14).fit(labels, contexts)
    of_labels, of_contexts = cca.transform(labels, contexts)
    variates, correlations = canonical_variates(scipy.sparse.csr_matrix(COUNTS))
    numpy.testing.assert_allclose(same_up_to_sign(labels @ variates[:, :2], of_labels), 1, atol=1e-6)
    numpy.testing.assert_allclose(same_up_to_sign(of_labels, of_contexts), correlations[:2], atol=1e-6)


def test_views_that_determine_each_other_correlate_fully() -> None:
    """Two labels with contexts of their own, 3 and 1 times: variates with mean 0 and variance 1 are √(1/3) and -√3."""
    variates, correlations = canonical_variates(scipy.sparse.csr_matrix([[2, 1, 0], [0, 0, 1]]))
    numpy.testing.assert_allclose(correlations, [1])
    numpy.testing.assert_allclose(abs(variates[:, 0]), [3**-0.5, 3**0.5])
    assert variates[0, 0] * variates[1, 0] < 0


# ------------------------------------------------------------------------------- labels that are related


def sentence(text: str) -> TaggedSentence:
    words, tags = zip(*(word.split("/") if "/" in word else (word, "O") for word in text.split()))
    return words, tags


NEWS = [
    sentence("Mr Smith/S-PER said so"),
    sentence("Mr John/B-PER Brown/E-PER said no"),
    sentence("they live in London/S-LOC ."),
    sentence("they met in New/B-LOC York/E-LOC ."),
    sentence("the index rose 12 points"),
]
RECORDS = [
    sentence("MR Weiss/B-physician said so"),
    sentence("Mr Lund/B-physician said nothing"),
    sentence("they died in Lima/B-place ."),
    sentence("fever rose 38 degrees"),
]


def test_labels_with_different_names_are_related_by_their_contexts() -> None:
    nearest = relate_labels(NEWS, RECORDS).nearest()
    assert {label: [name for name, _ in others] for label, others in nearest.items()} == {
        "physician": ["PER", "LOC"],
        "place": ["LOC", "PER"],
    }
    for (_, near), (_, far) in nearest.values():
        assert 1 >= near > 0 > far >= -1


def test_equal_corpora_have_equal_embeddings() -> None:
    found = relate_labels(NEWS, NEWS)
    assert list(found.source) == list(found.target) == ["LOC", "O", "PER"]
    for label, vector in found.source.items():
        numpy.testing.assert_allclose(vector, found.target[label], atol=1e-7)
        assert numpy.linalg.norm(vector) == pytest.approx(1)
    assert [others[0] for others in found.nearest().values()] == [("LOC", pytest.approx(1)), ("PER", pytest.approx(1))]


def test_contexts_of_one_corpus_alone_do_not_count() -> None:
    foreign = sentence("qvo/S-PER vadis/S-LOC domine")
    expected, found = (relate_labels(news, RECORDS) for news in (NEWS, [*NEWS, foreign, foreign]))
    numpy.testing.assert_allclose(found.correlations, expected.correlations)
    assert found.nearest().keys() == expected.nearest().keys() == {"physician", "place"}
    for label, others in expected.nearest().items():
        assert dict(found.nearest()[label]) == pytest.approx(dict(others))


def test_the_embedding_of_a_label_without_a_common_context_is_zero() -> None:
    strange = [sentence("said qvo vadis/S-dish domine said")]
    found = relate_labels(NEWS, RECORDS + strange)
    assert not found.target["dish"].any()
    assert dict(found.nearest()["dish"]) == {"LOC": 0, "PER": 0}
    known = relate_labels(NEWS, RECORDS).nearest()
    assert [found.nearest()[label][0][0] for label in known] == ["PER", "LOC"]


def test_corpora_without_a_word_in_common_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="Are they in the same language"):
        relate_labels([sentence("a b/S-PER")], [sentence("x y/S-PER")])


def corpus(name: str) -> Iterator[TaggedSentence]:
    for block in conll_blocks(CORPORA / f"{name}.conll"):
        words, *_, tags = zip(*block)
        yield words, tags


def test_equal_label_sets_of_two_domains_are_related_by_name() -> None:
    """English news and a history of seafaring."""
    nearest = relate_labels(corpus("en/train"), chain(corpus("sea/dev"), corpus("sea/test"))).nearest()
    assert {label: others[0][0] for label, others in nearest.items()} == {
        label: label for label in ("LOC", "MISC", "ORG", "PER")
    }
