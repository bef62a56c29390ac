"""
Sub-word vectors from counts: where the training of an encoder can begin, so that it need not learn from nothing which words are
like which, nor which are translations.

Co-occurrence within a window (weight 1 over the distance) and, in translations, of every sub-word with every one of the other
text; positive pointwise mutual information with context smoothing 0.75 (Levy, Goldberg and Dagan, TACL 2015); truncated singular
value decomposition, the vectors U √S. Translations share what they occur with (compare Levy, Søgaard and Goldberg, EACL 2017).
"""

from typing import Iterator, List, Sequence

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from pretraining.texts import Encoded

WINDOW = 4
CONTEXT_SMOOTHING = 0.75


def count_vectors(texts: Sequence[Encoded], vocab_size: int, dim: int, seed: int) -> np.ndarray:
    """
    Vectors of all sub-words, those that never occur at 0. Shape: (vocab_size, dim). Their scale is that of the decomposition.

    # Raises

    `ValueError`
        Where `dim` is not below the size of the vocabulary.
    """
    if dim >= vocab_size:
        raise ValueError(f"Vectors of {dim} dimensions cannot be made for {vocab_size} sub-words.")
    within = window_counts([side for text in texts for side in text if len(side)], vocab_size)
    across = translation_counts([text for text in texts if len(text.second)], vocab_size)
    counts = within
    if across.nnz:  # as much weight for all translations as for half of all windows
        counts = within + across * (0.5 * within.sum() / across.sum())
    left, values, _ = randomized_svd(positive_pmi(counts), n_components=dim, random_state=seed)
    return (left * np.sqrt(values)).astype(np.float32)


def window_counts(sequences: Sequence[np.ndarray], vocab_size: int) -> sparse.csr_matrix:
    """How often two sub-words stand within WINDOW of each other, weighted by 1 / distance; symmetric."""
    counts = sparse.csr_matrix((vocab_size, vocab_size), dtype=np.float64)
    for block in _blocks(sequences):
        gap = np.full(WINDOW, -1)
        ids = np.concatenate([part for sequence in block for part in (sequence, gap)])
        for distance in range(1, WINDOW + 1):
            left, right = ids[:-distance], ids[distance:]
            both = (left >= 0) & (right >= 0)
            weights = np.full(both.sum(), 1 / distance)
            counts = counts + sparse.coo_matrix((weights, (left[both], right[both])), shape=counts.shape).tocsr()
    return counts + counts.T


def translation_counts(pairs: Sequence[Encoded], vocab_size: int) -> sparse.csr_matrix:
    """How often two sub-words stand in translations of each other, each time 1 / √(mn) for lengths m and n; symmetric."""
    first, second = (_by_text([pair[side] for pair in pairs], vocab_size) for side in (0, 1))
    counts = first.T @ second
    return (counts + counts.T).tocsr()


def positive_pmi(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """max(0, log p(w, c) / (p(w) p(c)^0.75)), the contexts' powers normalised to sum to 1."""
    entries = counts.tocoo()
    words = np.asarray(counts.sum(axis=1)).ravel()
    contexts = np.asarray(counts.sum(axis=0)).ravel() ** CONTEXT_SMOOTHING
    contexts = contexts / max(contexts.sum(), 1e-12)
    information = np.log(entries.data / (words[entries.row] * contexts[entries.col]))
    kept = information > 0
    return sparse.csr_matrix(
        (information[kept].astype(np.float32), (entries.row[kept], entries.col[kept])), shape=counts.shape
    )


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
    counts = np.bincount(np.concatenate([side for text in texts for side in text]), minlength=vocab_size)
    return np.log((counts + 1) / (counts.sum() + vocab_size)).astype(np.float32)
