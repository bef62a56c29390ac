"""What is tried, what came of it, and how it is told."""

import collections
import re
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from fuzz.file_events import Fault


class Trial(NamedTuple):
    """A run of this kind that is broken off, and in which phase its event lies."""

    kind: str
    fault: Fault
    phase: str
    is_own_process: bool = False


class Outcome(NamedTuple):
    """What came of it: the event that it was broken off at, what is wrong in the end, and what it said last before."""

    trial: Trial
    at: str
    failures: List[str]
    said: str


def tell(outcome: Outcome) -> None:
    """A line for a failure, and how it is repeated."""
    trial = outcome.trial
    if outcome.failures:
        own = " --own-process" if trial.is_own_process else ""
        place = f"{trial.phase}: {outcome.at}"
        said = "; ".join(outcome.failures)
        print(f"FAILED --only {trial.kind} --fault {trial.fault}{own} [{place}] {said}", flush=True)


def as_table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    rows: Dict[Tuple[str, str], List[Outcome]] = collections.defaultdict(list)
    for outcome in outcomes:
        rows[outcome.trial.kind, outcome.trial.phase].append(outcome)
    yield f"{'kind':<20} {'phase':<22} {'kills':>6} {'failed':>7} {'full disks':>11} {'failed':>7}"
    for (kind, phase), found in [*rows.items(), (("all", ""), list(outcomes))]:
        full = [each for each in found if each.trial.fault.what == "full"]
        failed, failed_full = (sum(bool(each.failures) for each in some) for some in (found, full))
        kills = len(found) - len(full)
        yield f"{kind:<20} {phase:<22} {kills:>6} {failed - failed_full:>7} {len(full):>11} {failed_full:>7}"


def last_words(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What runs said last when the disk was full, and how often."""
    said = [
        re.sub(r"/\S*/|[0-9a-f]{16,}|\d+", "…", each.said)[:300] for each in outcomes if each.trial.fault.what == "full"
    ]
    for text, count in collections.Counter(said).most_common():
        yield f"{count:>4} x {text or '(nothing)'}"
