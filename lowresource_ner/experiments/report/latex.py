"""Formats the report as LaTeX tables, which need the package booktabs."""

from typing import List, Optional, Sequence

from lowresource_ner.experiments.report.scores import Row, Section
from lowresource_ner.experiments.report.wording import SIGNIFICANT, p_note, percent, scores_note, seeds_listed

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "→": r"$\rightarrow$",
    "–": "--",
    "±": r"$\pm$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
}
_PLUS_MINUS = r" $\pm$ "
_DAGGER = r"$^\dagger$"


def as_latex(sections: Sequence[Section]) -> str:
    """Returns a table of F1 with a column for each corpus, and for each corpus a table of F1 by type. The best F1 is bold."""
    return "\n".join([_overall(sections), *map(_by_type, sections)])


def escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)


def _overall(sections: Sequence[Section]) -> str:
    systems = list(dict.fromkeys(row.system for section in sections for row in section.rows))
    rows = {section.title: {row.system: row for row in section.rows} for section in sections}
    has_seeds = not all(section.has_same_seeds for section in sections)
    lines = []
    for system in systems:
        cells = [rows[section.title].get(system) for section in sections]
        first = next(row for row in cells if row)
        scores = [_f1(row, section) for row, section in zip(cells, sections)]
        seeds = [seeds_listed(first.seeds)] if has_seeds else []
        lines.append([escaped(system), *seeds, *scores, escaped(first.chosen_by)])
    notes = [f"% {scores_note(section)} {p_note(section)} SHA-256 {section.sha256}" for section in sections]
    titles = [escaped(section.title) for section in sections]
    head = ["System", *(["Seeds"] if has_seeds else []), *titles, "Checkpoint chosen by"]
    dagger_note = f"% Dagger: p < {SIGNIFICANT}, better or worse"
    return _tabular("l" + "r" * (len(head) - 2) + "l", head, lines, [*notes, dagger_note])


def _f1(row: Optional[Row], section: Section) -> str:
    if row is None:
        return "--"
    text = percent(row.scores("f1"), _PLUS_MINUS)
    if row.system == section.best:
        text = rf"\textbf{{{text}}}"
    return text + (_DAGGER if row.p is not None and row.p < SIGNIFICANT else "")


def _by_type(section: Section) -> str:
    types = section.types
    lines = [
        [escaped(row.system), *(percent(row.scores(f"f1-{name}"), _PLUS_MINUS) for name in types)]
        for row in section.rows
    ]
    head = ["F1 by type", *map(escaped, types)]
    return _tabular("l" + "r" * len(types), head, lines, [f"% {section.title}"])


def _tabular(columns: str, head: Sequence[str], lines: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    rows: List[str] = [" & ".join(cells) + r" \\" for cells in [head, *lines]]
    begin = [*notes, rf"\begin{{tabular}}{{{columns}}}", r"\toprule", rows[0], r"\midrule"]
    return "\n".join([*begin, *rows[1:], r"\bottomrule", r"\end{tabular}"]) + "\n"
