"""Finds nearest neighbours exactly, by comparing every vector with all others, block by block."""

from typing import Any

import numpy
import torch

QUERIES = 512
"""The number of vectors whose neighbours are found at once."""

_OTHERS = 1 << 15
"""The number of vectors that they are compared with at once: 64 MiB of similarities."""


def nearest_neighbours(vectors: Any, start: int, stop: int, number: int, device: torch.device) -> torch.Tensor:
    """
    Finds the vectors of greatest cosine similarity to those in rows `start` to `stop`, each without itself. Takes memory for
    `stop - start` times 2¹⁵ similarities, however many vectors there are.

    # Parameters

    vectors : `numpy.ndarray`
        (num_vectors, dim), all of length 1, of any floating-point type; a memory map is read in blocks. The similarities are
        computed in single precision.
    start, stop : `int`
        The rows to find neighbours for.
    number : `int`
        The number of neighbours, at most num_vectors - 1.
    device : `torch.device`
        Where the similarities are computed.

    # Returns

    `torch.Tensor`
        (stop - start, number): the rows of the neighbours, in no particular order, on the CPU.
    """
    queries = _block(vectors, start, stop, device)
    best = queries.new_empty(stop - start, 0)
    rows = torch.empty(stop - start, 0, dtype=torch.long, device=device)
    for first in range(0, len(vectors), _OTHERS):
        similarities = queries @ _block(vectors, first, first + _OTHERS, device).T  # (num_queries, num_others)
        own = torch.arange(start, stop, device=device) - first
        itself = ((own >= 0) & (own < similarities.size(1))).nonzero().squeeze(1)
        similarities[itself, own[itself]] = -torch.inf
        of_block, columns = similarities.topk(min(number, similarities.size(1)), dim=1, sorted=False)
        best, rows = torch.cat([best, of_block], dim=1), torch.cat([rows, columns + first], dim=1)
        best, chosen = best.topk(min(number, best.size(1)), dim=1, sorted=False)
        rows = rows.gather(1, chosen)
    return rows.cpu()


def _block(vectors: Any, start: int, stop: int, device: torch.device) -> torch.Tensor:
    # Copied, because torch has no read-only memory.
    return torch.from_numpy(numpy.array(vectors[start:stop])).to(device).float()
