"""Combines the alignments of both directions into one."""

from typing import FrozenSet, Set

from lowresource_ner.projection.word_alignment import Link

_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def grow_diag_final_and(forward: FrozenSet[Link], reverse: FrozenSet[Link]) -> FrozenSet[Link]:
    """
    Symmetrises two alignments by the heuristic grow-diag-final-and (Koehn et al. 2003, N03-1017, and 2005).

    It begins with the links that both have. Links of either that neighbour one of these, diagonals included, are added as long as
    the source or the target word of such a link has none. In the end, those links of either are added whose words both have none,
    the forward ones first.

    # Parameters

    forward, reverse : `FrozenSet[Link]`
        Both as (source, target).
    """
    union = forward | reverse
    links = set(forward & reverse)
    sources, targets = {source for source, _ in links}, {target for _, target in links}

    def add(link: Link) -> None:
        links.add(link)
        sources.add(link[0])
        targets.add(link[1])

    waiting = sorted(links)
    while waiting:
        grown: Set[Link] = set()
        for source, target in waiting:
            for down, right in _NEIGHBOURS:
                link = (source + down, target + right)
                if link in union and link not in links and (link[0] not in sources or link[1] not in targets):
                    add(link)
                    grown.add(link)
        # A word that has a link keeps it, so that only new links can have neighbours to add.
        waiting = sorted(grown)
    for direction in (forward, reverse):
        for link in sorted(direction):
            if link[0] not in sources and link[1] not in targets:
                add(link)
    return frozenset(links)
