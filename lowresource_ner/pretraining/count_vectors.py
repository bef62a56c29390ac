"""
Computes vectors of words or sub-words from counts of co-occurrence: positive pointwise mutual information and a truncated
singular value decomposition, with vectors U √S (Levy, Goldberg and Dagan, TACL 2015, Q15-1016).

The training of a new encoder starts from such vectors. Sub-words are counted within a window (weight 1 over the distance) and, in
translations, for every sub-word with every one of the other text, so that translations start close to each other (compare Levy,
Søgaard and Goldberg, EACL 2017, E17-1072). Contexts are smoothed by the power 0.75.
"""

from typing import Callable, Iterator, List, Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from lowresource_ner.pretraining.texts import Encoded

WINDOW = 4
CONTEXT_SMOOTHING = 0.75


def count_vectors(texts: Sequence[Encoded], vocab_size: int, dim: int, seed: int) -> np.ndarray:
    """
    Vectors of all sub-words, 0 for those that never occur. Shape: (vocab_size, dim). Their scale is that of the decomposition.

    # Raises

    `ValueError`
        If `dim` is not below the size of the vocabulary.
    """
    if dim >= vocab_size:
        raise ValueError(f"Vectors of {dim} dimensions cannot be made for {vocab_size} sub-words.")
    within = window_counts([side for text in texts for side in (text.first, text.second) if len(side)], vocab_size)
    across = translation_counts([text for text in texts if len(text.second)], vocab_size)
    counts = within
    if across.nnz:  # as much weight for all translations as for half of all windows
        counts = within + across * (0.5 * within.sum() / across.sum())
    return singular_vectors(positive_pmi(counts, CONTEXT_SMOOTHING), dim, seed).astype(np.float32)


def window_counts(
    sequences: Sequence[np.ndarray],
    vocab_size: int,
    window: int = WINDOW,
    weight: Callable[[int], float] = lambda distance: 1 / distance,
) -> sparse.csr_matrix:
    """
    How often two ids occur within `window` positions of each other in a sequence, weighted by their distance; symmetric, of shape
    (vocab_size, vocab_size). Negative ids take a position but are not counted.
    """
    counts = sparse.csr_matrix((vocab_size, vocab_size), dtype=np.float64)
    for block in _blocks(sequences):
        gap = np.full(window, -1)
        ids = np.concatenate([part for sequence in block for part in (sequence, gap)])
        for distance in range(1, window + 1):
            left, right = ids[:-distance], ids[distance:]
            both = (left >= 0) & (right >= 0)
            weights = np.full(both.sum(), weight(distance))
            counts = counts + sparse.coo_matrix((weights, (left[both], right[both])), shape=counts.shape).tocsr()
    return counts + counts.T


def translation_counts(pairs: Sequence[Encoded], vocab_size: int) -> sparse.csr_matrix:
    """How often two sub-words occur in translations of each other, weighted 1 / √(mn) for lengths m and n; symmetric."""
    first, second = (_by_text([pair[side] for pair in pairs], vocab_size) for side in (0, 1))
    counts = first.T @ second
    return (counts + counts.T).tocsr()


def positive_pmi(counts: sparse.csr_matrix, smoothing: float = 1.0) -> sparse.csr_matrix:
    """max(0, log p(w, c) / (p(w) p(c)^smoothing)), the contexts' powers normalised to sum to 1."""
    entries = counts.tocoo()
    words = np.asarray(counts.sum(axis=1)).ravel()
    contexts = np.asarray(counts.sum(axis=0)).ravel() ** smoothing
    contexts = contexts / max(contexts.sum(), 1e-12)
    information = np.log(entries.data / (words[entries.row] * contexts[entries.col]))
    kept = information > 0
    return sparse.csr_matrix(
        (information[kept].astype(np.float32), (entries.row[kept], entries.col[kept])), shape=counts.shape
    )


def singular_vectors(matrix: sparse.csr_matrix, dim: int, seed: int) -> np.ndarray:
    """
    The left singular vectors of the `dim` largest singular values times the square roots of these, the largest first, with
    arbitrary signs. Shape: (rows, dim).
    """
    if dim == min(matrix.shape):
        left, values, _ = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        left, values, _ = svds(matrix, k=dim, rng=np.random.default_rng(seed))
    largest_first = np.argsort(-values, kind="stable")
    return left[:, largest_first] * np.sqrt(values[largest_first])


def _by_text(texts: List[np.ndarray], vocab_size: int) -> sparse.csr_matrix:
    if not texts:
        return sparse.csr_matrix((0, vocab_size))
    lengths = np.array([len(text) for text in texts])
    rows = np.repeat(np.arange(len(texts)), lengths)
    weights = np.repeat(1 / np.sqrt(lengths), lengths)
    return sparse.csr_matrix((weights, (rows, np.concatenate(texts))), shape=(len(texts), vocab_size))


def _blocks(sequences: Sequence[np.ndarray], size: int = 200_000) -> Iterator[Sequence[np.ndarray]]:
    for start in range(0, len(sequences), size):
        yield sequences[start : start + size]


def log_frequencies(texts: Sequence[Encoded], vocab_size: int) -> np.ndarray:
    """The logarithm of each sub-word's relative frequency, one occurrence added to each."""
    counts = np.bincount(
        np.concatenate([side for text in texts for side in (text.first, text.second)]), minlength=vocab_size
    )
    return np.log((counts + 1) / (counts.sum() + vocab_size)).astype(np.float32)
