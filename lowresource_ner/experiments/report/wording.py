"""Numbers and notes as they are written in all formats of a table."""

import statistics
from typing import Optional, Sequence

from lowresource_ner.experiments.report.bootstrap import NUM_RESAMPLES
from lowresource_ner.experiments.report.scores import Section, deviation

SIGNIFICANT = 0.05

COLUMNS_NOTE = (
    "Parameters: all weights, with word vectors and frozen weights. Time: of one training, with validation, without the "
    "trainings that it starts from. Checkpoint: what the epoch that is kept was selected by."
)

_UNKNOWN = "–"


def percent(values: Sequence[float], plus_minus: str = " ± ") -> str:
    """Formats the mean in percent, and the standard deviation if there are several values: "80.7 ± 0.9"."""
    hundredfold = [100 * value for value in values]
    spread = deviation(hundredfold)
    mean = f"{statistics.mean(hundredfold):.1f}"
    return mean if spread is None else f"{mean}{plus_minus}{spread:.1f}"


def p_value(p: Optional[float]) -> str:
    if p is None:
        return _UNKNOWN
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def number(count: Optional[int]) -> str:
    """Formats a number of parameters: "15.1 M"."""
    if count is None:
        return _UNKNOWN
    return f"{count / 1e6:.1f} M" if count >= 50_000 else f"{count / 1e3:.1f} k"


def duration(seconds: Optional[float]) -> str:
    if seconds is None:
        return _UNKNOWN
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def scores_note(section: Section) -> str:
    seeds = section.rows[0].seeds
    if not section.has_same_seeds:
        spread = "mean ± standard deviation (n - 1) over the seeds of each system, which are not the same for all"
    elif len(seeds) > 1:
        spread = f"mean ± standard deviation (n - 1) of {len(seeds)} seeds ({seeds_listed(seeds)})"
    else:
        spread = f"one seed ({seeds_listed(seeds)})"
    return f"Entity scores in percent, {spread}."


def seeds_listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def p_note(section: Section) -> str:
    seeds = "seeds" if section.has_same_seeds else "the seeds that the two systems have in common"
    return (
        f"p: paired bootstrap over sentences against {section.reference}, one-sided, {NUM_RESAMPLES:,} resamples, mean F1 over "
        f"{seeds}, not corrected for the number of comparisons."
    )
