"""Collects the results of an experiment, for the report."""

import hashlib
import statistics
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy

from lowresource_ner.experiments.report.bootstrap import p_values, resampled
from lowresource_ner.experiments.report.sentence_counts import SentenceCounts, sentence_counts
from lowresource_ner.experiments.report.training_facts import TrainingFacts, training_facts
from lowresource_ner.experiments.result import Result


@dataclass(frozen=True)
class Run:
    """A system that was trained with one seed."""

    seed: int
    counts: SentenceCounts
    facts: TrainingFacts

    @cached_property
    def scores(self) -> Dict[str, float]:
        """The scores on the evaluated file, from 0 to 1, with the keys of the metric `seqeval_f1`."""
        return self.counts.scores()


@dataclass(frozen=True)
class Row:
    """
    A system on a corpus.

    # Parameters

    p : `float`, optional
        The p-value of its difference from the reference; see `p_values`. None for the reference itself, and if the two were not
        evaluated on the same sentences or have no seed in common.
    p_seeds : `List[int]`, optional (default = `[]`)
        The seeds that `p` was computed over, those that the two have in common.
    """

    system: str
    runs: List[Run]
    chosen_by: str
    validated_on: str
    p: Optional[float] = None
    p_seeds: List[int] = field(default_factory=list)

    @property
    def seeds(self) -> List[int]:
        return [run.seed for run in self.runs]

    def scores(self, key: str) -> List[float]:
        """Returns the score of each seed, 0 for a type that neither the file nor the predictions contain."""
        return [run.scores.get(key, 0.0) for run in self.runs]

    @property
    def seconds(self) -> Optional[float]:
        """The mean training time."""
        known = [run.facts.seconds for run in self.runs if run.facts.seconds is not None]
        return statistics.mean(known) if known else None

    @property
    def parameters(self) -> Optional[int]:
        return self.runs[0].facts.parameters


@dataclass(frozen=True)
class Section:
    """
    All systems on one corpus.

    # Parameters

    data : `Path`
        The evaluated file.
    reference : `str`
        The system that the others are compared with.
    """

    title: str
    data: Path
    rows: List[Row]
    reference: str

    @property
    def types(self) -> Dict[str, int]:
        """The number of entities in the evaluated file by entity type."""
        scores = self.rows[0].runs[0].scores
        counts = {key.removeprefix("support-"): int(scores[key]) for key in scores if key.startswith("support-")}
        return {entity_type: count for entity_type, count in counts.items() if count}

    @property
    def best(self) -> str:
        """The system with the best mean F1, the first one if there are several."""
        return best_row(self.rows).system

    @property
    def has_same_seeds(self) -> bool:
        """Whether all systems were trained with the same seeds."""
        return all(sorted(row.seeds) == sorted(self.rows[0].seeds) for row in self.rows)

    @property
    def num_sentences(self) -> int:
        return int(self.rows[0].runs[0].counts.counts.shape[1])

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 digest of the evaluated file."""
        return hashlib.sha256(self.data.read_bytes()).hexdigest()


def collect(results: Sequence[Result], baseline: Optional[str] = None) -> List[Section]:
    """
    Returns a section for each corpus, with a row for each system, in the order of the results. Results without predictions are
    skipped.

    # Parameters

    baseline : `str`, optional (default = `None`)
        The system that the others are compared with. If it is None or not a row, the one with the best mean F1.

    # Raises

    `ValueError`
        If a file is damaged.
    """
    sections: Dict[str, Dict[str, List[Result]]] = {}
    for result in results:
        if result.predictions is not None:
            sections.setdefault(result.corpus, {}).setdefault(result.system, []).append(result)
    return [_section(title, by_system, baseline) for title, by_system in sections.items()]


def _section(title: str, by_system: Dict[str, List[Result]], baseline: Optional[str]) -> Section:
    rows = [_row(system, results) for system, results in by_system.items()]
    data = next(iter(by_system.values()))[0].data
    assert data is not None
    reference = baseline if baseline in by_system else best_row(rows).system
    return Section(title, data, _compared(rows, reference), reference)


def _row(system: str, results: List[Result]) -> Row:
    runs = [_run(result) for result in results]
    return Row(system, runs, results[0].chosen_by, results[0].validated_on)


def _run(result: Result) -> Run:
    assert result.predictions is not None and result.data is not None
    counts = sentence_counts(result.predictions, result.data)
    return Run(result.seed, counts, training_facts(result.archive.parent))


def _compared(rows: List[Row], reference: str) -> List[Row]:
    """Returns the rows with their p-values, each over the seeds that the system and the reference have in common."""
    counts = {row.system: {run.seed: run.counts for run in row.runs} for row in rows}
    common = {
        row.system: _common_seeds(counts[row.system], counts[reference]) for row in rows if row.system != reference
    }
    p: Dict[str, float] = {}
    for seeds in filter(None, dict.fromkeys(common.values())):
        systems = [reference, *(system for system in common if common[system] == seeds)]
        totals = {system: numpy.array([counts[system][seed].totals for seed in seeds]) for system in systems}
        p |= p_values(totals, reference, resampled(totals[reference].shape[1]))
    return [replace(row, p=p.get(row.system), p_seeds=list(common.get(row.system, ()))) for row in rows]


def _common_seeds(counts: Dict[int, SentenceCounts], others: Dict[int, SentenceCounts]) -> Tuple[int, ...]:
    """Returns the seeds that both systems have; none if the two were not evaluated on the same sentences."""
    seeds = tuple(sorted(counts.keys() & others.keys()))
    return seeds if all(counts[seed].digest == others[seed].digest for seed in seeds) else ()


def best_row(rows: Sequence[Row]) -> Row:
    """Returns the row with the best mean F1, the first one if there are several."""
    return max(rows, key=lambda row: round(statistics.mean(row.scores("f1")), 9))


def summary(values: Sequence[float]) -> Dict[str, Any]:
    return {"mean": statistics.mean(values), "standard_deviation": deviation(values)}


def deviation(values: Sequence[float]) -> Optional[float]:
    """Returns the standard deviation of a sample (n - 1 in the denominator), or None for a single value."""
    return statistics.stdev(values) if len(values) > 1 else None
