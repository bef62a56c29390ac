"""How numbers are written in all forms of a table, and what is said beside it."""

import statistics
from typing import List, Optional, Sequence

from lowresource_ner.experiments.report.bootstrap import NUM_RESAMPLES
from lowresource_ner.experiments.report.scores import Row, Section, deviation

SIGNIFICANT = 0.05

NONE = "–"


def percent(values: Sequence[float], plus_minus: str = " ± ") -> str:
    """The mean, and the standard deviation where there are several values, in percent: "80.7 ± 0.9"."""
    hundredfold = [100 * value for value in values]
    spread = deviation(hundredfold)
    mean = f"{statistics.mean(hundredfold):.1f}"
    return mean if spread is None else f"{mean}{plus_minus}{spread:.1f}"


def p_value(p: Optional[float]) -> str:
    if p is None:
        return NONE
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def number(count: Optional[int]) -> str:
    """Of parameters: "15.1 M"."""
    if count is None:
        return NONE
    return f"{count / 1e6:.1f} M" if count >= 50_000 else f"{count / 1e3:.1f} k"


def duration(seconds: Optional[float]) -> str:
    if seconds is None:
        return NONE
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def best_mean(section: Section) -> str:
    """The system with the best mean F1."""
    return max(section.rows, key=lambda row: round(statistics.mean(row.scores("f1")), 9)).system


def seeds_of(rows: Sequence[Row]) -> List[int]:
    return list(dict.fromkeys(run.seed for row in rows for run in row.runs))


def what_scores_are(section: Section) -> str:
    seeds = seeds_of(section.rows)
    listed = ", ".join(map(str, seeds))
    spread = f"mean ± standard deviation (n - 1) of {len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    return f"Entity scores in percent, {spread} ({listed})."


def what_p_is(section: Section) -> str:
    return (
        f"p: paired bootstrap over sentences against {section.reference}, one-sided, {NUM_RESAMPLES:,} resamples, mean F1 over "
        "seeds, not corrected for the number of comparisons."
    )


def what_is_counted() -> str:
    return (
        "Parameters: all weights, with word vectors and what is frozen. Time: of one training with its validations, without what "
        "it begins from. Checkpoint: what chose the epoch that is kept."
    )
