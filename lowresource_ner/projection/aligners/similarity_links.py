"""Extracts links from a similarity matrix."""

import torch


def argmax_links(similarities: torch.Tensor) -> torch.Tensor:
    """
    Links each pair of units that are mutually most similar (the method Argmax of Jalili Sabet et al. 2020, arXiv:2004.08728).
    Ties are resolved in favour of the first unit.

    # Parameters

    similarities : `torch.Tensor`
        (num_source, num_target)

    # Returns

    `torch.BoolTensor` : (num_source, num_target)
    """
    rows, columns = similarities.argmax(dim=1), similarities.argmax(dim=0)
    links = torch.zeros_like(similarities, dtype=torch.bool)
    sources = torch.arange(len(rows), device=rows.device)
    links[sources, rows] = columns[rows] == sources
    return links


def itermax_links(similarities: torch.Tensor, rounds: int = 2, discount: float = 0.9) -> torch.Tensor:
    """
    Applies `argmax_links` repeatedly to find further links (the method Itermax of the same paper). After the first round, the
    similarity of two units is set to 0 if both already have a link, and multiplied by `discount` if one of them has.
    Similarities should not be negative.
    """
    links = argmax_links(similarities)
    for _ in range(rounds - 1):
        linked = links.any(dim=1, keepdim=True).float() + links.any(
            dim=0, keepdim=True
        )  # how many of the two units have a link
        if not bool((linked == 0).any()):
            break
        factors = torch.where(linked == 0, 1.0, torch.where(linked == 1, discount, 0.0))
        links = links | (argmax_links(similarities * factors) & (linked < 2))
    return links


def softmax_links(scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """
    Links units whose alignment probability exceeds a threshold in both directions (awesome-align, Dou and Neubig 2021,
    arXiv:2101.08231).

    # Parameters

    scores : `torch.Tensor`
        (num_source, num_target) dot products of unnormalised vectors.
    """
    return (scores.softmax(dim=1) > threshold) & (scores.softmax(dim=0) > threshold)
