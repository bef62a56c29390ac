"""Formats the report as Markdown."""

import statistics
from typing import List, Sequence

from lowresource_ner.experiments.report.scores import Row, Section
from lowresource_ner.experiments.report.wording import (
    COLUMNS_NOTE,
    duration,
    number,
    p_note,
    p_value,
    percent,
    scores_note,
    seeds_listed,
)

_SCORES = {"F1": "f1", "precision": "precision", "recall": "recall"}


def as_markdown(sections: Sequence[Section], about: str) -> str:
    """
    Returns the report: for each section, a table of scores and one of F1 by type.

    # Parameters

    about : `str`
        A sentence about all sections, or "".
    """
    parts = [about] if about else []
    for section in sections:
        parts += _section(section)
    return "\n\n".join([*parts, COLUMNS_NOTE]) + "\n"


def _section(section: Section) -> List[str]:
    several = len(section.rows) > 1
    about = f"{scores_note(section)} {section.data.name}, {section.num_sentences:,} sentences, SHA-256 {section.sha256[:16]}."
    has_seeds = not section.has_same_seeds
    columns = [*(["seeds"] if has_seeds else []), *_SCORES, *(["p"] if several else [])]
    columns += ["parameters", "time", "checkpoint"]
    best = section.best if several else None
    main = [_line(["system", *columns]), "|---" + "|--:" * (len(columns) - 1) + "|---|"]
    main += [_line(_cells(row, has_seeds, several, row.system == best)) for row in section.rows]
    types = section.types
    by_type = [_line(["F1 by type (entities)", *(f"{name} ({count})" for name, count in types.items())])]
    by_type += ["|---" + "|--:" * len(types) + "|"]
    by_type += [_line([row.system, *(percent(row.scores(f"f1-{name}")) for name in types)]) for row in section.rows]
    parts = [f"## {section.title}", f"{about} {p_note(section)}" if several else about, "\n".join(main)]
    parts += ["\n".join(by_type)] if types else []
    weights = [f"- {row.system}: {weights}" for row in section.rows if (weights := _weights(row))]
    return [*parts, *(["Weights of the teachers:", "\n".join(weights)] if weights else [])]


def _cells(row: Row, has_seeds: bool, has_p: bool, is_best: bool) -> List[str]:
    scores = [percent(row.scores(key)) for key in _SCORES.values()]
    if is_best:
        scores[0] = f"**{scores[0]}**"
    seeds = [seeds_listed(row.seeds)] if has_seeds else []
    p = [p_value(row.p)] if has_p else []
    return [row.system, *seeds, *scores, *p, number(row.parameters), duration(row.seconds), row.chosen_by]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _weights(row: Row) -> str:
    """Returns the teachers' weights, averaged over seeds; "" if there are none."""
    alphas = [run.facts.teachers.get("weights", {}).get("alpha", {}) for run in row.runs]
    return ", ".join(f"{name} {statistics.mean(alpha[name] for alpha in alphas):.3f}" for name in alphas[0])
