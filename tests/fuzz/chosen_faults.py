"""Which of a run's file events are met with which fault."""

import collections
import random
import re
from typing import Dict, List, Sequence, Tuple

from fuzz.file_events import Event, Fault

Sort = Tuple[str, str, str, str]
"""Phase, fault, kind of event, and path without what differs from one file to the next."""

_NEEDS_SPACE = ("create", "write", "mkdir", "symlink", "truncate", "allocate", "fsync")


def candidates(events: Sequence[Event], phases: Sequence[str], is_full: bool) -> Dict[Sort, List[Fault]]:
    """All kills, or full disks, that make a difference, by their sort."""
    sorts: Dict[Sort, List[Fault]] = collections.defaultdict(list)
    for event, phase in zip(events, phases):
        if is_full:
            whats = ["full"] if event.kind in _NEEDS_SPACE else []
        else:
            whats = ["kill", "half"] if event.size > 1 else ["kill"]
        for what in whats:
            sorts[phase, what, event.kind, _without_numbers(event.path)].append(Fault(what, event.number))
    return sorts


def choose(sorts: Dict[Sort, List[Fault]], number: int, seed: int) -> List[Tuple[str, Fault]]:
    """
    Faults with their phases, in an order of chance: one of each sort, then a second one of each, and so on. The start is met
    with once a sort, after the second round of all else; logs are, once.
    """
    generator = random.Random(seed)
    order: List[Tuple[int, float, str, Fault]] = []
    for (phase, _, _, path), faults in sorts.items():
        is_log = path.startswith("logs/") or path.endswith("out.log")
        drawn = generator.sample(faults, 1 if is_log else len(faults))
        first = 2 if phase == "start" else 0
        order += [(turn, generator.random(), phase, fault) for turn, fault in enumerate(drawn, first)]
    return [(phase, fault) for _, _, phase, fault in sorted(order)[:number]]


def _without_numbers(path: str) -> str:
    path = re.sub(r"\.[a-z0-9_]{8}\.part\b", ".*.part", path)
    path = re.sub(r"\.(tmp|encoder-)\w{6,8}", r".\1*", path)
    return re.sub(r"[0-9a-f]{16,}|\d+", "#", path)
