"""Embeds the labels of two corpora in one space, by the contexts that their words stand in."""

import re
from collections import Counter
from typing import Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy
import scipy.sparse
from allennlp.common.checks import ConfigurationError
from sklearn.feature_extraction import DictVectorizer

from lowresource_ner.tagging import OUTSIDE, split_tag

TaggedSentence = Tuple[Sequence[str], Sequence[str]]
"""Words and their tags."""

_POSITIONS = (-1, 0, 1)
"""A word's contexts are itself and its neighbours, each at its place."""


class RelatedLabels(NamedTuple):
    """
    Embeddings of two corpora's labels in one space. A label is an entity type, or "O".

    source, target : by label, (dim,), the directions of the highest correlation first, of length 1; 0 for a label that shares no
    context with the other corpus. correlations : (dim,), the canonical correlations of the directions.
    """

    source: Dict[str, numpy.ndarray]
    target: Dict[str, numpy.ndarray]
    correlations: numpy.ndarray

    def nearest(self) -> Dict[str, List[Tuple[str, float]]]:
        """For each entity type of the target, those of the source and the cosines to them, the nearest first."""
        return {
            label: sorted(
                ((other, float(vector @ of_other)) for other, of_other in self.source.items() if other != OUTSIDE),
                key=lambda pair: -pair[1],
            )
            for label, vector in self.target.items()
            if label != OUTSIDE
        }


def relate_labels(source: Iterable[TaggedSentence], target: Iterable[TaggedSentence]) -> RelatedLabels:
    """
    Embeds labels by canonical correlation analysis between labels and contexts (Kim, Stratos, Sarikaya and Jeong 2015, P15-1046).

    The two views are one-hot: each word pairs its label with each of its contexts, which are the word and its two neighbours, in
    lower case and with 0 for digits. The labels of both corpora are different symbols, even if their names are equal.

    Two choices are ours. Contexts that only one corpus has are left out, since they tell corpora apart and not labels. And each
    direction counts as much as its correlation: there are hardly more labels than directions, and of all directions at equal
    weight the labels are orthogonal.

    # Raises

    `ConfigurationError`
        Where the corpora have no context in common.
    """
    corpora = [_count_contexts(source), _count_contexts(target)]
    of_source, of_target = (set().union(*corpus.values()) for corpus in corpora)
    common = of_source & of_target
    if not common:
        raise ConfigurationError(
            "No word stands in both the source's and the target's training data, so that their labels cannot be related. Are "
            "they of one language?"
        )
    counts = DictVectorizer().fit_transform(
        [
            {context: number for context, number in contexts.items() if context in common}
            for corpus in corpora
            for contexts in corpus.values()
        ]
    )
    variates, correlations = canonical_variates(counts)
    vectors = variates * correlations
    lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
    rows = iter(numpy.divide(vectors, lengths, out=numpy.zeros_like(vectors), where=lengths > 0))
    embedded_source, embedded_target = ({label: next(rows) for label in corpus} for corpus in corpora)
    return RelatedLabels(embedded_source, embedded_target, correlations)


def canonical_variates(counts: scipy.sparse.spmatrix) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """
    Canonical correlation analysis of two one-hot views, given by how often their values occur together. It is exact: with D the
    diagonal matrices of the marginals, the left singular vectors of D_l^-½ (P - p_l p_cᵀ) D_c^-½, scaled by D_l^-½.

    # Parameters

    counts : `scipy.sparse.spmatrix`
        (num_labels, num_contexts)

    # Returns

    variates : (num_labels, num_labels - 1), of each label, with mean 0 and variance 1 over the pairs that were counted, by
    falling correlation; 0 for a label that was never counted. correlations : (num_labels - 1,)
    """
    joint = scipy.sparse.csr_matrix(counts, dtype=float) / counts.sum()
    label_roots = numpy.sqrt(numpy.asarray(joint.sum(axis=1)).ravel())
    context_roots = numpy.sqrt(numpy.asarray(joint.sum(axis=0)).ravel())
    scaled = _inverse_diagonal(label_roots) @ joint @ _inverse_diagonal(context_roots)
    # Few labels, many contexts: the singular vectors are eigenvectors of a small matrix.
    gram = (scaled @ scaled.T).toarray() - numpy.outer(label_roots, label_roots)
    squares, vectors = numpy.linalg.eigh(gram)
    squares, vectors = squares[:0:-1], vectors[:, :0:-1]  # the last, 0, is that of the mean
    # Signs are arbitrary: the largest number of each direction is positive.
    largest = abs(vectors).argmax(axis=0)
    vectors = vectors * numpy.sign(vectors[largest, range(vectors.shape[1])])
    return _inverse_diagonal(label_roots) @ vectors, numpy.sqrt(squares.clip(0, 1))


def _inverse_diagonal(values: numpy.ndarray) -> scipy.sparse.dia_matrix:
    return scipy.sparse.diags(numpy.divide(1, values, out=numpy.zeros_like(values), where=values > 0))


def _count_contexts(sentences: Iterable[TaggedSentence]) -> Dict[str, Counter]:
    """By label, sorted, how often its words stand in each context."""
    counts: Dict[str, Counter] = {}
    for words, tags in sentences:
        for tag, contexts in zip(tags, _contexts(words)):
            counts.setdefault(split_tag(tag)[1] or OUTSIDE, Counter()).update(contexts)
    return dict(sorted(counts.items()))


def _contexts(words: Sequence[str]) -> Iterator[List[str]]:
    """The contexts of each word, such as "-1 the" and "+0 north"."""
    written = [re.sub(r"\d", "0", word.lower()) for word in words]
    for index in range(len(written)):
        yield [
            f"{position:+} {written[index + position]}"
            for position in _POSITIONS
            if 0 <= index + position < len(written)
        ]
