"""Formats the report for programs, as CSV and JSON."""

import csv
import io
from typing import Any, Dict, List, Mapping, Sequence

from lowresource_ner.experiments.report.scores import Row, Run, Section, summary

_SCORES = ("precision", "recall", "f1")

_COLUMNS = [
    *("corpus", "system", "type", "seeds", "entities"),
    *(f"{score}{suffix}" for score in _SCORES for suffix in ("", "_sd")),
    *("reference", "p", "parameters", "seconds", "checkpoint"),
]


def as_csv(sections: Sequence[Section]) -> str:
    """
    Returns a line for each corpus, system and entity type, with the type "all" for the whole. Scores are from 0 to 1, with four
    decimals. Unknown values are empty; values that concern the whole system are in the line of "all".
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for section in sections:
        for row in section.rows:
            p = "" if row.p is None else f"{row.p:.4f}"
            seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
            whole = {"reference": section.reference, "p": p, "parameters": row.parameters, "seconds": seconds}
            known = {"corpus": section.title, "system": row.system, "seeds": len(row.runs)}
            all_types = {"type": "all", "entities": sum(section.types.values()), "checkpoint": row.chosen_by}
            writer.writerow(known | all_types | whole | _rounded(row, ""))
            for name, count in section.types.items():
                writer.writerow(known | {"type": name, "entities": count} | _rounded(row, f"-{name}"))
    return text.getvalue()


def _rounded(row: Row, suffix: str) -> Dict[str, str]:
    cells: Dict[str, str] = {}
    for score in _SCORES:
        values = summary(row.scores(score + suffix))
        spread = values["standard_deviation"]
        cells |= {score: f"{values['mean']:.4f}", f"{score}_sd": "" if spread is None else f"{spread:.4f}"}
    return cells


def as_json(sections: Sequence[Section], settings: Mapping[str, Any]) -> Dict[str, Any]:
    """
    Returns everything that the other formats show, and the scores and learning curve of each seed. Scores are from 0 to 1.

    # Parameters

    settings : `Mapping[str, Any]`
        The options or the table that the experiment was run with.
    """
    return {"settings": dict(settings), "corpora": {section.title: _section(section) for section in sections}}


def _section(section: Section) -> Dict[str, Any]:
    return {
        "data": str(section.data),
        "sha256": section.sha256,
        "sentences": section.num_sentences,
        "entities": section.types,
        "reference": section.reference,
        "systems": {row.system: _row(row, list(section.types)) for row in section.rows},
    }


def _row(row: Row, types: List[str]) -> Dict[str, Any]:
    keys = [*_SCORES, *(f"f1-{name}" for name in types)]
    return {
        **{key: summary(row.scores(key)) for key in keys},
        "seeds": row.seeds,
        "p": row.p,
        "p_seeds": row.p_seeds,
        "parameters": row.parameters,
        "seconds": row.seconds,
        "checkpoint": row.chosen_by,
        "by_seed": {str(run.seed): _run(run) for run in row.runs},
    }


def _run(run: Run) -> Dict[str, Any]:
    facts = run.facts
    values = {"scores": run.scores, "seconds": facts.seconds, "development_f1": facts.development_f1}
    return {**values, **({"teachers": facts.teachers} if facts.teachers else {})}
