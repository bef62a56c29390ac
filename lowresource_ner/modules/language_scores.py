"""Scores how close sentences are to languages."""

from typing import Callable, Dict

import torch
from allennlp.common.checks import ConfigurationError


class LanguageScores(torch.nn.Module):
    """
    Scores how close sentence vectors g(u) are to languages. The learned score (Wu et al. 2020, arXiv:2004.12440, section 3.3) is

        score(u, k) = g(u)ᵀ M μ_k,  M = Uᵀ V of low rank,  that is  (U g(u) + a) · (V μ_k + b),

    with the biases of the released code. μ_k is a learned embedding of language k, initialised with the mean vector of its
    sentences. Other scores are the cosine similarity and the negated L1 and L2 distances of g(u) and this mean.

    # Parameters

    num_languages : `int`
    vector_dim : `int`
    rank : `int`, optional (default = `64`)
        The rank of M (section 4.2).
    """

    means: torch.Tensor
    has_means: torch.Tensor

    def __init__(self, num_languages: int, vector_dim: int, rank: int = 64) -> None:
        super().__init__()
        self.languages = torch.nn.Parameter(torch.randn(num_languages, vector_dim))  # P, with rows μ_k
        self.of_sentences = torch.nn.Linear(vector_dim, rank)  # U and a
        self.of_languages = torch.nn.Linear(vector_dim, rank)  # V and b
        self.register_buffer("means", torch.zeros(num_languages, vector_dim))
        self.register_buffer("has_means", torch.tensor(False))

    def set_means(self, means: torch.Tensor) -> None:
        """
        Sets the mean vector of each language's sentences, and the languages' embeddings to these means.

        # Parameters

        means : `torch.Tensor`
            (num_languages, vector_dim)
        """
        with torch.no_grad():
            self.means.copy_(means)
            self.languages.copy_(means)
            self.has_means.fill_(True)

    def forward(self, vectors: torch.Tensor, measure: str = "learned") -> torch.Tensor:
        """
        # Parameters

        vectors : `torch.Tensor`
            (num_sentences, vector_dim)
        measure : `str`
            One of `MEASURES`.

        # Returns

        `torch.Tensor` : (num_sentences, num_languages)

        # Raises

        `ConfigurationError`
            If the measure is unknown, or needs the means and they have not been set.
        """
        if measure == LEARNED:
            return self.of_sentences(vectors) @ self.of_languages(self.languages).T
        if measure not in _TO_MEANS:
            raise ConfigurationError(f"'measure' is '{measure}'; it is one of {', '.join(MEASURES)}.")
        if not self.has_means:
            raise ConfigurationError(
                f"'measure' is '{measure}', and the languages' means are not known: the model was trained without the callback "
                "'language_means'. Train it with that."
            )
        return _TO_MEANS[measure](vectors, self.means)

    def orthogonality_penalty(self) -> torch.Tensor:
        """
        Returns ‖P Pᵀ − I_K‖_F² for the K languages' embeddings. The paper's ‖Pᵀ P − I_H‖_F² differs by the constant H − K: both
        are ‖P Pᵀ‖_F² − 2 ‖P‖_F² plus the trace of I. So the gradients are the same, without an H × H matrix.
        """
        products = self.languages @ self.languages.T  # (num_languages, num_languages)
        return (products - torch.eye(len(products), device=products.device)).square().sum()


def _cosine(vectors: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(vectors, dim=-1) @ torch.nn.functional.normalize(means, dim=-1).T


def _negated_distance(p: float) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    return lambda vectors, means: -torch.cdist(vectors, means, p=p, compute_mode="donot_use_mm_for_euclid_dist")


LEARNED = "learned"
_TO_MEANS: Dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cosine": _cosine,
    "l1": _negated_distance(1.0),
    "l2": _negated_distance(2.0),
}
MEASURES = (LEARNED, *_TO_MEANS)
