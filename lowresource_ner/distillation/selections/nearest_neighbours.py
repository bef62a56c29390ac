"""Exact nearest-neighbour search by cosine similarity, computed block by block."""

from typing import Any

import numpy
import torch

QUERIES = 512
"""The number of query vectors processed at once."""

_OTHERS = 1 << 15
"""The number of vectors compared with the queries at once. The similarities take 64 MiB."""


def nearest_neighbours(vectors: Any, start: int, stop: int, number: int, device: torch.device) -> torch.Tensor:
    """
    Finds the nearest neighbours, by cosine similarity, of the vectors in rows `start` to `stop` (exclusive) among all other
    vectors. Only `stop - start` times 2¹⁵ similarities are in memory at once, regardless of the number of vectors.

    # Parameters

    vectors : `numpy.ndarray`
        (num_vectors, dim): unit vectors of any floating-point type. A memory map is read in blocks. Similarities are computed in
        single precision.
    start, stop : `int`
        The rows of the query vectors.
    number : `int`
        The number of neighbours, at most num_vectors - 1.
    device : `torch.device`
        Where the similarities are computed.

    # Returns

    `torch.Tensor`
        (stop - start, number): the row numbers of the neighbours, in no particular order, on the CPU.
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
    # A copy, because torch does not support read-only arrays.
    return torch.from_numpy(numpy.array(vectors[start:stop])).to(device).float()
