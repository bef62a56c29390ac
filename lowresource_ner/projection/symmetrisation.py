"""Symmetrises the word alignments of both directions."""

from typing import FrozenSet, Set

from lowresource_ner.projection.word_alignment import Link

_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def grow_diag_final_and(forward: FrozenSet[Link], reverse: FrozenSet[Link]) -> FrozenSet[Link]:
    """
    Symmetrises two alignments with the grow-diag-final-and heuristic (Koehn et al. 2003, N03-1017, and 2005).

    1. Start with the intersection of the two alignments.
    2. grow-diag: repeatedly add links of the union that are adjacent, horizontally, vertically or diagonally, to a link added so
       far, if their source word or their target word is not aligned yet.
    3. final-and: add the remaining links whose source word and target word are both not aligned yet, first those of `forward`,
       then those of `reverse`.

    # Parameters

    forward, reverse : `FrozenSet[Link]`
        The links of each direction, both as (source, target).
    """
    union = forward | reverse
    links = set(forward & reverse)
    sources, targets = {source for source, _ in links}, {target for _, target in links}

    def add(link: Link) -> None:
        links.add(link)
        sources.add(link[0])
        targets.add(link[1])

    frontier = sorted(links)
    while frontier:
        grown: Set[Link] = set()
        for source, target in frontier:
            for down, right in _NEIGHBOURS:
                link = (source + down, target + right)
                if link in union and link not in links and (link[0] not in sources or link[1] not in targets):
                    add(link)
                    grown.add(link)
        # Aligned words stay aligned, so only the neighbours of new links can still be added.
        frontier = sorted(grown)
    for direction in (forward, reverse):
        for link in sorted(direction):
            if link[0] not in sources and link[1] not in targets:
                add(link)
    return frozenset(links)
