"""Embeds the labels of two corpora in one space, by the contexts that their words occur in."""

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
"""The contexts of a word, relative to it: its left neighbour, the word itself, and its right neighbour."""


class RelatedLabels(NamedTuple):
    """
    Embeddings of two corpora's labels in one space. A label is an entity type, or "O".

    # Parameters

    source, target : `Dict[str, numpy.ndarray]`
        Embeddings by label, (dim,), of length 1; 0 for a label without contexts that occur in both corpora. Dimensions are in
        order of decreasing correlation.
    correlations : `numpy.ndarray`
        The canonical correlations, (dim,).
    """

    source: Dict[str, numpy.ndarray]
    target: Dict[str, numpy.ndarray]
    correlations: numpy.ndarray

    def nearest(self) -> Dict[str, List[Tuple[str, float]]]:
        """Returns, for each entity type of the target, the types of the source with their cosines, the nearest first."""
        return {
            label: sorted(
                ((other, float(vector @ source)) for other, source in self.source.items() if other != OUTSIDE),
                key=lambda pair: -pair[1],
            )
            for label, vector in self.target.items()
            if label != OUTSIDE
        }


def relate_labels(source: Iterable[TaggedSentence], target: Iterable[TaggedSentence]) -> RelatedLabels:
    """
    Embeds labels by canonical correlation analysis between labels and contexts (Kim, Stratos, Sarikaya and Jeong 2015, P15-1046).

    The two views are one-hot: each word is a pair of its label with each of its contexts, which are the word and its two
    neighbours, in lower case and with digits replaced by 0. Labels of the two corpora are different symbols, even if their names
    are equal.

    Two choices differ from the paper. Contexts that occur in only one corpus are left out, since they distinguish corpora rather
    than labels. And each dimension is weighted by its correlation: there are nearly as many dimensions as labels, and with equal
    weights the labels would be orthogonal.

    # Raises

    `ConfigurationError`
        If no context occurs in both corpora.
    """
    corpora = [_count_contexts(source), _count_contexts(target)]
    source_contexts, target_contexts = (set().union(*corpus.values()) for corpus in corpora)
    common = source_contexts & target_contexts
    if not common:
        raise ConfigurationError(
            "The training data of source and target have no word in common, so their labels cannot be related. Are they in the "
            "same language?"
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
    Canonical correlation analysis of two one-hot views, given by their joint counts. It is exact: with P the joint distribution,
    p_l and p_c its marginals, and D_l and D_c the diagonal matrices of these, the variates are the left singular vectors of
    D_l^-½ (P - p_l p_cᵀ) D_c^-½, scaled by D_l^-½.

    # Parameters

    counts : `scipy.sparse.spmatrix`
        (num_labels, num_contexts)

    # Returns

    variates : (num_labels, num_labels - 1), by decreasing correlation, with mean 0 and variance 1 over the counted pairs; 0 for a
    label without counts. correlations : (num_labels - 1,)
    """
    joint = scipy.sparse.csr_matrix(counts, dtype=float) / counts.sum()
    label_roots = numpy.sqrt(numpy.asarray(joint.sum(axis=1)).ravel())
    context_roots = numpy.sqrt(numpy.asarray(joint.sum(axis=0)).ravel())
    scaled = _inverse_diagonal(label_roots) @ joint @ _inverse_diagonal(context_roots)
    # Few labels, many contexts: the singular vectors are eigenvectors of a small matrix.
    gram = (scaled @ scaled.T).toarray() - numpy.outer(label_roots, label_roots)
    squares, vectors = numpy.linalg.eigh(gram)
    squares, vectors = (
        squares[:0:-1],
        vectors[:, :0:-1],
    )  # without the last one, which is 0 since the mean is subtracted
    # Signs are arbitrary; here the largest component of each vector is positive.
    largest = abs(vectors).argmax(axis=0)
    vectors = vectors * numpy.sign(vectors[largest, range(vectors.shape[1])])
    return _inverse_diagonal(label_roots) @ vectors, numpy.sqrt(squares.clip(0, 1))


def _inverse_diagonal(values: numpy.ndarray) -> scipy.sparse.dia_matrix:
    return scipy.sparse.diags(numpy.divide(1, values, out=numpy.zeros_like(values), where=values > 0))


def _count_contexts(sentences: Iterable[TaggedSentence]) -> Dict[str, Counter]:
    """Counts how often each label occurs in each context. The labels are sorted."""
    counts: Dict[str, Counter] = {}
    for words, tags in sentences:
        for tag, contexts in zip(tags, _contexts(words)):
            counts.setdefault(split_tag(tag)[1] or OUTSIDE, Counter()).update(contexts)
    return dict(sorted(counts.items()))


def _contexts(words: Sequence[str]) -> Iterator[List[str]]:
    """Yields the contexts of each word, such as "-1 the" and "+0 north"."""
    normalised = [re.sub(r"\d", "0", word.lower()) for word in words]
    for index in range(len(normalised)):
        yield [
            f"{position:+} {normalised[index + position]}"
            for position in _POSITIONS
            if 0 <= index + position < len(normalised)
        ]
